"""For dialects in which one part ends before the next begins."""

from collections.abc import Iterable, Iterator

from llmproxy.core.answer import Appended, Closed, Delta, End, Opened, Signed
from llmproxy.core.chat import Text
from llmproxy.core.sse import Event
from llmproxy.dialects.base import StreamWriter


class SerialWriter(StreamWriter):
    """A writer whose dialect has one part open at a time: what comes for a later part waits until it is its turn.

    It says the first choice alone. Parts are numbered from 0 in the order in which they are written, by `place`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.place = -1
        self._current: int | None = None
        self._waiting: dict[int, list[Delta]] = {}

    def write(self, delta: Delta) -> Iterable[Event]:
        if getattr(delta, "choice", 0):
            return ()
        if isinstance(delta, Appended) and delta.index == self._current:  # nearly every step
            return super().write(delta)
        if isinstance(delta, End):
            return self._end(delta)
        if isinstance(delta, (Opened, Appended, Signed, Closed)):
            return self._part(delta)
        return super().write(delta)

    def _part(self, delta: Opened | Appended | Signed | Closed) -> Iterator[Event]:
        if self._current is None:
            if isinstance(delta, Closed):  # of a part that was never there
                return
            self._current = delta.index
            self.place += 1
            if not isinstance(delta, Opened):  # one that nobody opened is a text
                yield from super().write(Opened(delta.index, Text()))
        if delta.index != self._current:
            self._waiting.setdefault(delta.index, []).append(delta)
            return
        yield from super().write(delta)
        if isinstance(delta, Closed):
            self._current = None
            yield from self._go_on()

    def _go_on(self) -> Iterator[Event]:
        """What has waited for its turn."""
        while self._waiting and self._current is None:
            for delta in self._waiting.pop(min(self._waiting)):
                yield from self.write(delta)

    def _end(self, delta: End) -> Iterator[Event]:
        while self._current is not None:  # nobody closed it
            yield from self.write(Closed(self._current))
        yield from super().write(delta)
