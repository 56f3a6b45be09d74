"""The deadlines of one attempt that no socket's timeout keeps: a byte now and then would set those back."""

import time

from llmproxy.core.errors import ProviderTimeout
from llmproxy.transport.lease import Lease
from llmproxy.transport.watchdog import WATCHDOG


class Deadlines:
    """One after the other: until the first real event, then until the attempt's end.

    Args:
        lease: What is given up when one passes.
        first_event_secs, total_secs: Both counted from now.
    """

    def __init__(self, lease: Lease, first_event_secs: float, total_secs: float) -> None:
        self._lease = lease
        self._end_at = time.monotonic() + total_secs
        first = min(first_event_secs, total_secs)
        late = ProviderTimeout(detail=f"no first event within {first:g} s")
        self._alarm = WATCHDOG.at(self._end_at - total_secs + first, lambda: lease.expire(late))

    def begun(self) -> None:
        """The first real event has come."""
        self._alarm.cancel()
        late = ProviderTimeout(code="deadline_exceeded", detail="the attempt took longer than its total_secs")
        self._alarm = WATCHDOG.at(self._end_at, lambda: self._lease.expire(late))

    def end(self) -> None:
        """The attempt is over."""
        self._alarm.cancel()
