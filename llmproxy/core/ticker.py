"""What a request's thread does besides, while it waits for an upstream: a tick now and then."""

import math
import time
from collections.abc import Callable

UNSERVED_SECS = 1.0
"""How soon a tick comes again after one that could not do what was due."""


class Ticker:
    """Says when the next tick is due, and what happens then. It belongs to the one thread that serves the request.

    Before its answer begins, a tick itself tells the client that somebody is there. Later a keepalive is an item of the
    answer like any other: whoever waits yields `PAUSE` after a tick, and whoever writes looks at `due`.
    """

    __slots__ = ("_again_at", "_look", "_look_secs", "_looked_at", "_silence_secs", "_spoke_at", "_tell")

    def __init__(self) -> None:
        self._silence_secs = self._look_secs = math.inf
        self._spoke_at = self._looked_at = time.monotonic()
        self._again_at = 0.0
        self._tell: Callable[[], None] | None = None
        self._look: Callable[[], None] | None = None

    def keep_alive(self, secs: float, tell: Callable[[], None]) -> None:
        """Has the client told something after so many seconds in which nothing was sent to it; by `tell`, until
        `begun`."""
        self._silence_secs, self._tell = secs, tell

    def look_every(self, secs: float, look: Callable[[], None]) -> None:
        """Has `look` called every so many seconds: for servers that have to be asked whether the client is there."""
        self._look_secs, self._look = secs, look

    def begun(self) -> None:
        """From now on the client is told things by what its answer yields."""
        self._tell = None

    def spoke(self) -> None:
        """Something has been sent to the client."""
        self._spoke_at = time.monotonic()
        self._again_at = 0.0

    @property
    def due(self) -> bool:
        """Whether the client has been told nothing for too long."""
        return time.monotonic() - self._spoke_at >= self._silence_secs

    def patience(self, secs: float) -> float:
        """How long one may wait before the next tick, in seconds; at most `secs`."""
        if self._silence_secs is math.inf and self._look is None:
            return secs
        keepalive_at = max(self._spoke_at + self._silence_secs, self._again_at)
        next_at = min(keepalive_at, self._looked_at + self._look_secs)
        return max(0.0, min(secs, next_at - time.monotonic()))

    def tick(self) -> None:
        """Does what is due."""
        now = time.monotonic()
        if self._look is not None and now - self._looked_at >= self._look_secs:
            self._looked_at = now
            self._look()
        if not self.due:
            return
        if self._tell is not None:
            self.spoke()
            self._tell()
        else:
            self._again_at = now + UNSERVED_SECS
