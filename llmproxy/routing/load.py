"""How busy and how quick a target is at present."""

import functools
import math
from collections import deque
from collections.abc import Callable

_NEW_SHARE = 0.2
_HALF_LIFE_SECS = 60.0


class Load:
    """What policies look at.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._average = 0.0
        self._measured_at = 0.0
        # A counter would need a lock for each step; these two are whole by themselves.
        self._flights: deque[None] = deque()
        self.begin: Callable[[], None] = functools.partial(self._flights.append, None)
        """A request is sent there."""
        self.end: Callable[[], None] = self._flights.pop
        """It is answered, or has failed."""

    @property
    def in_flight(self) -> int:
        """How many requests it is answering."""
        return len(self._flights)

    def began_after(self, seconds: float) -> None:
        """The first event of an answer took so long. Of two threads that say so at once, one may not be heard."""
        average = self._average
        self._average = average + (seconds - average) * _NEW_SHARE if average else seconds
        self._measured_at = self._clock()

    def first_event_secs(self) -> float:
        """How long the first event takes: an average in which the latest weigh most; 0 if that is not known.

        It fades while nothing is measured: a target that was slow once is asked again some time.
        """
        if not self._average:
            return 0.0
        return self._average * math.exp2((self._measured_at - self._clock()) / _HALF_LIFE_SECS)
