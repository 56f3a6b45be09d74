"""Server-sent events at the level of bytes.

The decoder follows the event stream format of the HTML standard
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream) and keeps the bytes each event
came with, so that one that nobody touched leaves as it arrived.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from llmproxy.core.errors import ProviderError

MAX_EVENT_BYTES = 8 * 1024 * 1024

# A line ends with CRLF, LF or CR; a blank line is one end directly after another. The CR of a CRLF is not an end.
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset({"data", "type", "id", "retry"})
_MAX_RETRY_DIGITS = 15  # four months of milliseconds have eleven; int() refuses thousands with a ValueError


class Pause(Enum):
    """The one in-band token: nothing more is at hand, so flush what is joined and look around."""

    PAUSE = "pause"


PAUSE: Final = Pause.PAUSE
Step = Literal[Pause.PAUSE]


class Event:
    """One server-sent event, or one whole JSON body. What is in it is looked for when somebody asks.

    Attributes:
        raw: The bytes it came with, blank line included.
        complete: False for what was left when the stream ended without a blank line: perhaps an event, perhaps half
            of one.
        data: The data lines joined by LF; None for a block that has none, as a comment or a ping of one line.
        type: The event field; `message` where there is none.
        id: The id field of this very event.
        retry: The retry field, in milliseconds.
    """

    __slots__ = ("_json", "complete", "data", "id", "raw", "retry", "type")
    data: bytes | None
    type: str
    id: str | None
    retry: int | None

    def __init__(self, raw: bytes, *, complete: bool = True) -> None:
        self.raw = raw
        self.complete = complete
        self._json: Any = None

    if not TYPE_CHECKING:  # which would take it to have every attribute

        def __getattr__(self, name: str) -> Any:
            """Called for a field that nobody has looked for yet."""
            if name not in _FIELDS:
                raise AttributeError(name)
            self.take_lines(self.raw)
            return getattr(self, name)

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
        event.take(body)
        event._json = value
        return event

    def json(self) -> Any:
        """The data as JSON, parsed once.

        Raises:
            ValueError: It is not JSON, or there is none.
        """
        if self._json is None:
            self._json = loads(self.data or b"")
        return self._json

    def __repr__(self) -> str:
        return f"<Event {self.type} of {len(self.raw)} bytes>"

    def take(self, data: bytes | None, type: str = "message", id: str | None = None, retry: int | None = None) -> None:
        """Takes what was found in `raw`."""
        self.data, self.type, self.id, self.retry = data, type, id, retry

    def take_one_line(self, line_end: int) -> None:
        """Takes what nearly every event looks like: perhaps its type, one data line, a blank line.

        Args:
            line_end: The length of each line's end, LF or CRLF; there are no others.
        """
        raw, start = self.raw, 6
        if raw[:7] == b"event: ":
            start = raw.find(b"\n") + 7
        if raw[start - 6 : start] == b"data: ":
            data = raw[start : -2 * line_end]
            if b"\n" not in data:
                self.data = data
                if start > 6:
                    self.type = _type_of(raw[7 : start - 6 - line_end])

    def take_lines(self, raw: bytes) -> None:
        """Takes what stands in these lines, whatever they look like."""
        data: list[bytes] = []
        type, id, retry = "message", None, None
        for line in _LINE_END.split(raw):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                data.append(value)
            elif name == b"event":
                type = _type_of(value)
            elif name == b"id" and b"\0" not in value:
                id = value.decode("utf-8", "replace")
            elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                retry = int(value)
        self.take(b"\n".join(data) if data else None, type, id, retry)


@functools.lru_cache(256)
def _type_of(value: bytes) -> str:
    return value.decode("utf-8", "replace") or "message"


def decode(chunks: Iterable[bytes | Step], limit: int = MAX_EVENT_BYTES) -> Iterator[Event | Step]:
    """Events as they become complete, and `PAUSE` after each chunk.

    Blocks without data, as comments, are events too: they are relayed, and their `data` is None. What is left at the
    end without a blank line comes last, marked as not `complete`.

    Raises:
        ProviderError: An event is longer than `limit` bytes.
    """
    pending = bytearray()
    at_start = True
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        scanned = max(0, len(pending) - 3)  # a blank line may have begun in the last three bytes: CR LF CR
        block: bytes | bytearray = chunk
        if pending:
            pending += chunk
            block = pending
        line_end = _line_end_of(block)
        start = 0
        for end in _ends_of_events(block, scanned, line_end):
            event = Event(bytes(block[start:end]))
            if at_start:
                at_start = False
                _forget_bom(event)
            elif line_end:
                event.take_one_line(len(line_end))
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
    try:
        value, end = _scan_json(text, 0)
    except StopIteration as error:
        if text[:1].isspace():
            return loads(data.lstrip())
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


def _line_end_of(block: bytes | bytearray) -> bytes | None:
    """What ends every line of the block: LF, or CRLF as with Google; None where they differ."""
    if b"\r" not in block:
        return b"\n"
    pairs = block.count(b"\r\n")
    return b"\r\n" if pairs == block.count(b"\r") == block.count(b"\n") else None


def _ends_of_events(block: bytes | bytearray, start: int, line_end: bytes | None) -> Iterator[int]:
    """Where the events of a block end, blank line included.

    Args:
        start: As far as it was scanned before.
        line_end: What ends every line; None where they differ.
    """
    if line_end is None:
        for match in _BLANK_LINE.finditer(block, start):
            yield match.end()
        return
    # The LF that ends a line, and an empty line after it.
    blank = b"\n" + line_end
    position = block.find(blank, start)
    while position >= 0:
        end = position + len(blank)
        yield end
        position = block.find(blank, end)


def _forget_bom(event: Event) -> None:
    if event.raw.startswith(_BOM):
        event.take_lines(event.raw[len(_BOM) :])
