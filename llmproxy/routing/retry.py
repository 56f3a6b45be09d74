"""Whether, and after what pause, the same llm may be asked again."""

import threading
from collections.abc import Callable

from llmproxy.core.errors import LLMProxyError

MAX_SLEEP_SECS = 2.0
"""A sleeping thread is a lost slot; longer waits belong to the client."""

_BASE_SECS = 0.5
_CAP_SECS = 4.0
_FULL = 10.0
_EARNED = 0.1
_FLOOR_SECS = 10.0


def pause_before_repeat(error: LLMProxyError, repeat: int, random: Callable[[], float]) -> float | None:
    """Seconds to wait after `error` before the same is tried again; None: longer than a thread may wait, or nobody
    knows how long.

    Jitter spreads those who failed together. Where the upstream throttles, at least half of the delay is kept: full
    jitter would come to almost nothing. A limit that does not say when it ends is not asked again.

    Args:
        repeat: How many repeats there were before; each doubles the delay.
        random: Numbers from 0 to 1.
    """
    delay = min(_CAP_SECS, _BASE_SECS * 2.0**repeat)
    jittered = delay * (0.5 + random() / 2) if error.blame == "upstream" else delay * random()
    if error.blame == "token" and error.retry_after is None:
        return None
    wanted = error.retry_after or 0.0
    return max(wanted, min(jittered, MAX_SLEEP_SECS)) if wanted <= MAX_SLEEP_SECS else None


class RetryBudget:
    """How many repeats an llm can bear: a tenth of what is asked, and a few to start with. One in ten seconds is
    always allowed, for services that are seldom asked.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = _FULL
        self._taken_at = clock()
        self._lock = threading.Lock()

    def earn(self) -> None:
        """A request was sent for the first time."""
        if self._left < _FULL:
            with self._lock:
                self._left = min(_FULL, self._left + _EARNED)

    def take(self) -> bool:
        """Whether a repeat may be made; it is one less then."""
        now = self._clock()
        with self._lock:
            if self._left < 1 and now - self._taken_at < _FLOOR_SECS:
                return False
            self._left = max(0.0, self._left - 1)
            self._taken_at = now
            return True
