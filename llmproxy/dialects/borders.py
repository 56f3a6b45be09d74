"""Where parts begin and end, for dialects whose streams do not say it."""

from collections.abc import Hashable, Iterator
from typing import Any

from llmproxy.core.answer import Appended, Closed, Delta, Opened, Said, Signed
from llmproxy.core.chat import Signature, TokenLogprob, ToolCall
from llmproxy.core.sse import loads


class Borders:
    """The parts of one choice of a stream, told apart by a key: what kind of piece it is, or which call.

    A piece of another kind closes what was open before it. Calls may be written side by side, so an open call is closed
    by the next one only if its arguments are whole: nothing can follow a whole JSON object.
    """

    def __init__(self, choice: int = 0) -> None:
        self._choice = choice
        self._open: dict[Hashable, int] = {}
        self._calls: dict[Hashable, list[str]] = {}
        self._count = 0

    def is_open(self, key: Hashable) -> bool:
        """Whether there is a part of this key that has not ended."""
        return key in self._open

    def open(self, key: Hashable, part: Said) -> Iterator[Delta]:
        """A part begins."""
        yield from self._make_room(beside=isinstance(part, ToolCall))
        if isinstance(part, ToolCall):
            self._calls[key] = []
        self._open[key] = self._count
        self._count += 1
        yield Opened(self._open[key], part, self._choice)

    def append(
        self, key: Hashable, part: Said, text: str, logprobs: tuple[TokenLogprob, ...] = ()
    ) -> Iterator[Delta]:
        """More of the part of this key, which begins as `part` if it has not begun yet."""
        if key not in self._open:
            yield from self.open(key, part)
        if text or logprobs:
            if key in self._calls:
                self._calls[key].append(text)
            yield Appended(self._open[key], text, self._choice, logprobs)

    def sign(self, key: Hashable, part: Said, signature: Signature) -> Iterator[Delta]:
        """The signature of the part of this key, which begins as `part` if it has not begun yet."""
        if key not in self._open:
            yield from self.open(key, part)
        yield Signed(self._open[key], signature, self._choice)

    def whole(self, part: Said, text: str = "") -> Iterator[Delta]:
        """A part that comes in one piece."""
        yield from self.open(self._count, part)
        yield from self.append(self._count - 1, part, text)
        yield from self.close(self._count - 1)

    def close(self, key: Hashable) -> Iterator[Delta]:
        """The part of this key is whole; nothing if there is none."""
        index = self._open.pop(key, None)
        self._calls.pop(key, None)
        if index is not None:
            yield Closed(index, self._choice)

    def close_all(self) -> Iterator[Delta]:
        """Everything is whole."""
        for key in list(self._open):
            yield from self.close(key)

    def _make_room(self, *, beside: bool) -> Iterator[Delta]:
        for key in list(self._open):
            if not beside or key not in self._calls or _is_whole("".join(self._calls[key])):
                yield from self.close(key)


def _is_whole(arguments: str) -> bool:
    try:
        value: Any = loads(arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return isinstance(value, dict)
