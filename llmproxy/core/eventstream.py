"""Amazon's event stream: binary messages with headers and checksums in the place of server-sent events.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import functools
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import MAX_EVENT_BYTES, PAUSE, Event, Step, dumps, loads

# A message: its length, that of its headers, a checksum of both; headers; payload; a checksum of all before it.
_PRELUDE = struct.Struct(">III")
_CHECKSUM = struct.Struct(">I")
_FRAME_BYTES = _PRELUDE.size + _CHECKSUM.size
_MAX_HEADER_BYTES = 128 * 1024

_STRING, _BYTES = 7, 6
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # by type: booleans, integers, a time, a UUID


class Message(Event):
    """One message as an event: its type is what the headers call it, its data the payload.

    Attributes:
        failed: Whether it reports a failure. Its data then names the kind as Amazon's error bodies do, in `__type`.
    """

    __slots__ = ("failed",)

    def __init__(
        self, raw: bytes, type: str = "message", data: bytes = b"", *, failed: bool = False, complete: bool = True
    ) -> None:
        super().__init__(raw, complete=complete)
        self.take(data, type)
        self.failed = failed


def decode(chunks: Iterable[bytes | Step], limit: int = MAX_EVENT_BYTES) -> Iterator[Message | Step]:
    """Messages as they become complete, and `PAUSE` after each chunk; half a message at the end is not `complete`.

    Raises:
        ProviderError: A message is longer than `limit` bytes, or is not what its checksums say.
    """
    pending = bytearray()
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        pending += chunk
        start = 0
        while size := _size_of_whole(pending, start, limit):
            yield _read(bytes(pending[start : start + size]))
            start += size
        del pending[:start]
        yield PAUSE
    if pending:
        yield Message(bytes(pending), complete=False)


def _size_of_whole(pending: bytearray, start: int, limit: int) -> int:
    """How long the message at `start` is; 0 while not all of it is here."""
    at_hand = len(pending) - start
    if at_hand < _PRELUDE.size:
        return 0
    size, header_size, checksum = _PRELUDE.unpack_from(pending, start)
    if zlib.crc32(pending[start : start + 8]) != checksum:
        raise _unreadable("a message whose lengths do not match their checksum")
    if size > limit or header_size > _MAX_HEADER_BYTES or size < _FRAME_BYTES + header_size:
        raise _unreadable(f"a message of {size} bytes with {header_size} of headers")
    return int(size) if at_hand >= size else 0


def _read(raw: bytes) -> Message:
    if zlib.crc32(memoryview(raw)[:-4]) != _CHECKSUM.unpack_from(raw, len(raw) - 4)[0]:
        raise _unreadable("a message that does not match its checksum")
    start = _PRELUDE.size + _PRELUDE.unpack_from(raw)[1]
    headers = _read_headers(raw[_PRELUDE.size : start])
    payload = raw[start:-4]
    if headers.get(":message-type", "event") == "event":
        return Message(raw, headers.get(":event-type", "message"), payload)
    kind = headers.get(":exception-type") or headers.get(":error-code") or "error"
    return Message(raw, kind, _failure(kind, headers, payload), failed=True)


@functools.lru_cache(maxsize=64)  # the headers of a stream are the same few again and again
def _read_headers(data: bytes) -> Mapping[str, str]:
    """The headers that are texts, which are all that matter here."""
    headers: dict[str, str] = {}
    position = 0
    try:
        while position < len(data):
            start = position + 1
            end = start + data[position]
            name, kind = data[start:end].decode(), data[end]
            position = end + 1
            if kind in (_STRING, _BYTES):
                size = int.from_bytes(data[position : position + 2], "big")
                position += 2
            else:
                size = _FIXED_SIZES[kind]
            if position + size > len(data):
                raise _unreadable("headers that end in the middle")
            if kind == _STRING:
                headers[name] = data[position : position + size].decode()
            position += size
    except (LookupError, UnicodeDecodeError) as error:
        raise _unreadable(f"headers that are none: {error!r}") from error
    return headers


def _failure(kind: str, headers: Mapping[str, str], payload: bytes) -> bytes:
    """What a message that reports a failure says, in one JSON object."""
    try:
        said = loads(payload)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"message": headers[":error-message"]} if ":error-message" in headers else {}
    return dumps({**said, "__type": kind}).encode("ascii")


def _unreadable(detail: str) -> ProviderError:
    return ProviderError(code="upstream_bad_response", detail=detail)
