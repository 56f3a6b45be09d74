"""Server-sent events at the level of bytes.

The decoder follows the event stream format of the HTML standard
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream) and keeps the bytes each event
came with, so that one that nobody touched leaves as it arrived.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from llmproxy.core.errors import ProviderError

MAX_EVENT_BYTES = 8 * 1024 * 1024

# A line ends with CRLF, LF or CR; a blank line is one end directly after another. The CR of a CRLF is not an end.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_MAX_RETRY_DIGITS = 15  # four months of milliseconds have eleven; int() refuses thousands with a ValueError


class Pause(Enum):
    """The one in-band token: nothing more is at hand, so flush what is joined and look around."""

    PAUSE = "pause"


PAUSE: Final = Pause.PAUSE
Step = Literal[Pause.PAUSE]


class _Fields(NamedTuple):
    """What an event says besides its data."""

    type: str = "message"
    id: str | None = None
    retry: int | None = None


_NO_FIELDS = _Fields()


@lru_cache(64)  # a stream has few types, and each of them often
def _fields_of(type: bytes) -> _Fields:
    return _Fields(type.decode("utf-8", "replace") or "message")


class Event:
    """One server-sent event, or one whole JSON body.

    Attributes:
        raw: The bytes it came with, blank line included.
        complete: False for what was left when the stream ended without a blank line: perhaps an event, perhaps half
            of one.
    """

    __slots__ = ("_data", "_fields", "_json", "_parsed", "complete", "raw")

    def __init__(self, raw: bytes, *, complete: bool = True) -> None:
        self.raw = raw
        self.complete = complete
        self._parsed = False
        self._data: bytes | None = None
        self._fields = _NO_FIELDS
        self._json: Any = None

    @classmethod
    def of(cls, data: bytes | str, type: str | None = None) -> "Event":
        """An event of our own; `data` may hold several lines."""
        text = data.encode() if isinstance(data, str) else data
        head = f"event: {type}\n".encode() if type else b""
        return cls(head + b"".join(b"data: " + line + b"\n" for line in _LINE_END.split(text)) + b"\n")

    @classmethod
    def of_json(cls, value: Any, type: str | None = None) -> "Event":
        """An event of our own whose data is `value` as JSON."""
        event = cls.of_line(_write_json(value), type)
        event._json = value
        return event

    @classmethod
    def of_line(cls, text: str, type: str | None = None) -> "Event":
        """An event of our own whose data is one line of ASCII, as JSON is."""
        return cls((f"event: {type}\ndata: {text}\n\n" if type else f"data: {text}\n\n").encode("ascii"))

    @classmethod
    def whole(cls, body: bytes, value: Any = None) -> "Event":
        """A whole body as the only event of its stream. `value` is the body as JSON, where it is known already."""
        event = cls(body)
        event._parsed, event._data, event._json = True, body, value
        return event

    @property
    def data(self) -> bytes | None:
        """The data lines joined by LF; None for a block that has none, as a comment or a ping of one line."""
        if not self._parsed:
            self._parse()
        return self._data

    @property
    def type(self) -> str:
        """The event field; `message` where there is none."""
        if not self._parsed:
            self._parse()
        return self._fields.type

    @property
    def id(self) -> str | None:
        """The id field of this very event."""
        if not self._parsed:
            self._parse()
        return self._fields.id

    @property
    def retry(self) -> int | None:
        """The retry field, in milliseconds."""
        if not self._parsed:
            self._parse()
        return self._fields.retry

    def json(self) -> Any:
        """The data as JSON, parsed once.

        Raises:
            ValueError: It is not JSON, or there is none.
        """
        if self._json is None:
            if not self._parsed:
                self._parse()
            self._json = loads(self._data or b"")
        return self._json

    def __repr__(self) -> str:
        return f"<Event {self.type} of {len(self.raw)} bytes>"

    def take(self, data: bytes, type: str = "message") -> None:
        """Takes what another framing than lines has found in `raw`."""
        self._parsed, self._data, self._fields = True, data, _Fields(type)

    def take_one_line(self) -> None:
        """Parses what nearly every event looks like: perhaps its type, one data line, LF, blank line. There must be no
        CR in it."""
        raw = self.raw
        start = raw.find(b"\n") + 1 if raw.startswith(b"event: ") else 0
        if raw.startswith(b"data: ", start) and raw.find(b"\n", start) == len(raw) - 2:
            self._data = raw[start + 6 : -2]
            self._parsed = True
            if start:
                self._fields = _fields_of(raw[7 : start - 1])

    def _parse(self) -> None:
        if b"\r" not in self.raw and self.raw.endswith(b"\n\n"):
            self.take_one_line()
        if not self._parsed:
            self._parsed = True
            self._parse_lines(self.raw)

    def _parse_lines(self, raw: bytes) -> None:
        data = []
        type, id, retry = _NO_FIELDS
        for line in _LINE_END.split(raw):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"event":
                type = value.decode("utf-8", "replace") or "message"
            elif name == b"id" and b"\0" not in value:
                id = value.decode("utf-8", "replace")
            elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                retry = int(value)
        self._fields = _Fields(type, id, retry)
        if data:
            self._data = b"\n".join(data)


def decode(chunks: Iterable[bytes | Step], limit: int = MAX_EVENT_BYTES) -> Iterator[Event | Step]:
    """Events as they become complete, and `PAUSE` after each chunk.

    Blocks without data, as comments, are events too: they are relayed, and their `data` is None. What is left at the
    end without a blank line comes last, marked as not `complete`.

    Raises:
        ProviderError: An event is longer than `limit` bytes.
    """
    pending = bytearray()
    carriage_returns = False
    at_start = True
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        carriage_returns = carriage_returns or b"\r" in chunk
        scanned = max(0, len(pending) - 3)  # a blank line may have begun in the last three bytes: CR LF CR
        block: bytes | bytearray = chunk
        if pending:
            pending += chunk
            block = pending
        start = 0
        while (end := _end_of_event(block, max(start, scanned), carriage_returns)) > 0:
            event = Event(bytes(block[start:end]))
            if at_start:
                at_start = False
                _forget_bom(event)
            elif not carriage_returns:
                event.take_one_line()
            yield event
            start = end
        if block is pending:
            del pending[:start]
        else:
            pending += chunk[start:]
        if len(pending) > limit:
            raise ProviderError(code="upstream_bad_response", detail=f"an event of more than {limit} bytes")
        yield PAUSE
    if pending:
        event = Event(bytes(pending) + (b"\n" if pending.endswith(b"\n") else b"\n\n"), complete=False)
        if at_start:
            _forget_bom(event)
        yield event


def loads(data: bytes) -> Any:
    """JSON in UTF-8, at the speed of the scanner alone: for events, of which there are many.

    Raises:
        ValueError: It is not one JSON value, or holds NaN or Infinity.
    """
    text = str(data, "utf-8")
    if text[:1].isspace():
        text = text.lstrip()
    try:
        value, end = _scan_json(text, 0)
    except StopIteration as error:
        raise ValueError("not JSON") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if end != len(text) and text[end:].strip():
        raise ValueError("more than one JSON value")
    return value


def dumps(value: Any) -> str:
    """JSON in one line of ASCII, as events carry it."""
    return _write_json(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_write_json: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":")).encode
_scan_json: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]  # public in name, missing in the stubs


def _end_of_event(block: bytes | bytearray, start: int, carriage_returns: bool) -> int:
    """Where the next event ends, blank line included; 0 if it has not ended yet."""
    if not carriage_returns:
        position = block.find(b"\n\n", start)
        return position + 2 if position >= 0 else 0
    match = _BLANK_LINE.search(block, start)
    return match.end() if match else 0


def _forget_bom(event: Event) -> None:
    if event.raw.startswith(_BOM):
        event._parsed = True
        event._parse_lines(event.raw[3:])
