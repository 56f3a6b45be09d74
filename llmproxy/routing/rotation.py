"""Whose turn it is of an llm's tokens; one that was refused sits out for a while."""

import threading
from collections.abc import Callable, Sequence


class Rotation:
    """The tokens of an llm by their places, which take turns.

    Args:
        count: How many there are.
        clock: Seconds that only grow.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._back_at = [0.0] * count
        self._absent: set[int] = set()
        self._next = 0
        self._lock = threading.Lock()

    def turns(self) -> Sequence[int]:
        """The places of those that may be used, the one whose turn it is first."""
        count = len(self._back_at)
        with self._lock:
            first, self._next = self._next, (self._next + 1) % count
        now = self._clock()
        places = [(first + step) % count for step in range(count)]
        return [place for place in places if self._back_at[place] <= now]

    def eject(self, place: int, seconds: float) -> bool:
        """Leaves a token out for a while, unless no other would be left; says whether it did."""
        now = self._clock()
        with self._lock:
            others = {other for other, back_at in enumerate(self._back_at) if back_at <= now} - {place}
            if not others - self._absent:
                return False
            self._back_at[place] = now + seconds
            return True

    def note(self, place: int, *, there: bool) -> None:
        """Remembers whether a token has been set: one that has not is none to fall back on."""
        if there is (place in self._absent):
            with self._lock:
                (self._absent.discard if there else self._absent.add)(place)
