"""How long an upstream wants to be left alone, known to all threads: one 429 stops the herd."""

import threading
from collections.abc import Callable


class Cooldown:
    """A pause that an upstream asked for.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0
        self._lock = threading.Lock()

    def begin(self, seconds: float) -> None:
        """Nothing is sent for so long; a pause that lasts longer already stays as it is."""
        until = self._clock() + seconds
        with self._lock:
            self._until = max(self._until, until)

    def remaining(self) -> float:
        """Seconds until something may be sent again; 0 if it may be now."""
        return max(0.0, self._until - self._clock()) if self._until else 0.0
