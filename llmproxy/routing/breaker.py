"""The circuit breaker: an upstream that keeps failing is left alone, then tried with one request."""

import threading
from collections.abc import Callable

_BUCKETS = 6
_PER_SEC = 1 / 5
_MIN_CALLS = 10
_MIN_SHARE = 0.5
_CONNECT_FAILURES = 5
_OPEN_SECS = 10.0
_MAX_OPEN_SECS = 120.0
_JITTER = 0.2


class Window:
    """Calls and failures of the last 30 seconds, as buckets of five. Its owner holds a lock."""

    def __init__(self) -> None:
        self._buckets = [[0, 0, 0] for _ in range(_BUCKETS)]  # number of the period, calls, failures

    def count(self, now: float, calls: int, failures: int) -> None:
        """Adds to the present bucket."""
        period = int(now * _PER_SEC)
        bucket = self._buckets[period % _BUCKETS]
        if bucket[0] != period:
            bucket[:] = period, 0, 0
        bucket[1] += calls
        bucket[2] += failures

    def failing(self, now: float) -> bool:
        """Whether enough calls were made, and half of them failed."""
        oldest = int(now * _PER_SEC) - _BUCKETS
        fresh = [bucket for bucket in self._buckets if bucket[0] > oldest]
        calls, failures = sum(bucket[1] for bucket in fresh), sum(bucket[2] for bucket in fresh)
        return calls >= _MIN_CALLS and failures >= calls * _MIN_SHARE


class Breaker:
    """Closed, calls pass. Open, none does. After a while a single one is let through: the probe, which closes it or
    opens it for twice as long. Whoever was admitted says how it went, once.

    Args:
        clock: Seconds that only grow.
        random: Numbers from 0 to 1.
    """

    def __init__(self, clock: Callable[[], float], random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._window = Window()
        self._connect_failures = 0
        self._open_until: float | None = None
        self._opened = 0
        self._probing = False
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        return self._open_until is None

    def admit(self) -> bool:
        """Whether a call may be made now."""
        if self._open_until is None:
            return True
        with self._lock:
            if self._open_until is None:
                return True
            if self._probing or self._clock() < self._open_until:
                return False
            self._probing = True
            return True

    def remaining(self) -> float:
        """Seconds until it is tried again; 0 if it is closed, or being tried now."""
        until = self._open_until
        return 0.0 if until is None else max(0.0, until - self._clock())

    def succeeded(self) -> None:
        """The upstream has begun to answer."""
        now = self._clock()
        with self._lock:
            self._connect_failures = 0
            if self._probing:
                self._probing, self._open_until, self._opened = False, None, 0
                self._window = Window()
            self._window.count(now, 1, 0)

    def failed(self, *, connecting: bool = False) -> None:
        """No answer came."""
        with self._lock:
            self._connect_failures = self._connect_failures + 1 if connecting else 0
            self._fail(1)

    def failed_later(self) -> None:
        """An answer that had begun, and counted as a success, broke."""
        with self._lock:
            self._fail(0)

    def abandoned(self) -> None:
        """The call ended without showing how the upstream is."""
        with self._lock:
            self._probing = False

    def _fail(self, calls: int) -> None:
        now = self._clock()
        self._window.count(now, calls, 1)
        if self._open_until is not None and not self._probing:
            return  # of a call from before it opened
        if self._probing or self._connect_failures >= _CONNECT_FAILURES or self._window.failing(now):
            self._probing = False
            seconds = min(_MAX_OPEN_SECS, _OPEN_SECS * 2.0**self._opened)
            self._open_until = now + seconds * (1 - _JITTER + 2 * _JITTER * self._random())
            self._opened += 1
