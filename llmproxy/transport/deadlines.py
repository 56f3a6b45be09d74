"""The deadlines of one attempt that no wait for bytes keeps: bytes now and then would set those back."""

import time

from llmproxy.core.errors import Phase, ProviderTimeout
from llmproxy.transport.lease import Lease
from llmproxy.transport.watchdog import WATCHDOG


class Deadlines:
    """One after the other: until the first real event, then from each to the next; and until the attempt's end.

    Args:
        lease: What is given up when one passes.
        first_event_secs, total_secs: Both counted from now.
        progress_secs: Between two real events; a ping is none.
    """

    def __init__(self, lease: Lease, first_event_secs: float, progress_secs: float, total_secs: float) -> None:
        self._lease = lease
        self._moved_at = time.monotonic()
        self._end_at = self._moved_at + total_secs
        self._gap: tuple[Phase, float] = "first_event", first_event_secs
        self._progress_secs = progress_secs
        self._over = False
        self._arm()

    def begun(self) -> None:
        """The first real event has come."""
        self._alarm.cancel()
        self._gap = "progress", self._progress_secs
        self.moved()
        self._arm()

    def moved(self) -> None:
        """A real event has come."""
        self._moved_at = time.monotonic()

    def end(self) -> None:
        """The attempt is over."""
        self._over = True
        self._alarm.cancel()

    def _arm(self) -> None:
        self._alarm = WATCHDOG.at(min(self._end_at, self._moved_at + self._gap[1]), self._look)
        if self._over:  # meanwhile, in the attempt's own thread
            self._alarm.cancel()

    def _look(self) -> None:
        """Called by the watchdog at the time by which an event, or the end, should have come."""
        now = time.monotonic()
        phase, secs = self._gap
        if now >= self._end_at:
            # Before the first event it is one more way to wait in vain: another target may still be tried.
            code = "upstream_timeout" if phase == "first_event" else "deadline_exceeded"
            self._lease.expire(ProviderTimeout(code=code, phase="total", detail="the attempt's total_secs are over"))
        elif now >= self._moved_at + secs:
            self._lease.expire(ProviderTimeout(phase=phase, detail=f"no event within {secs:g} s"))
        else:
            self._arm()
