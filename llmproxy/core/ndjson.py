"""JSON in lines (https://github.com/ndjson/ndjson-spec), at the level of bytes, as `core.sse` reads events."""

from collections.abc import Iterable, Iterator

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import MAX_EVENT_BYTES, PAUSE, Event, Step


def decode(chunks: Iterable[bytes | Step], limit: int = MAX_EVENT_BYTES) -> Iterator[Event | Step]:
    """An event for each line as it becomes complete, and `PAUSE` after each chunk.

    Blank lines are events too: they are relayed, and their `data` is None. What is left at the end without a line end
    comes last, marked as not `complete`.

    Raises:
        ProviderError: A line is longer than `limit` bytes.
    """
    pieces: list[bytes] = []
    held = 0
    for chunk in chunks:
        if chunk is PAUSE:
            yield PAUSE
            continue
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*pieces, lines[0]])
            pieces.clear()
            held = 0
        for line in lines:
            yield line_of(line + b"\n")
        if rest:
            pieces.append(rest)
            held += len(rest)
        if held > limit:
            raise ProviderError(code="upstream_bad_response", detail=f"a line of more than {limit} bytes")
        yield PAUSE
    if pieces:
        last = line_of(b"".join(pieces) + b"\n")
        last.complete = False
        yield last


def line_of(line: bytes) -> Event:
    """The event that a line is, its end included."""
    return Event.whole(line) if line.strip() else Event(line)
