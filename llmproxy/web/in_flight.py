"""The requests that a process is busy with: how many may be, and how all of them end when it stops."""

import os
import threading
import time

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import Overloaded
from llmproxy.transport.watchdog import WATCHDOG

RETRY_SECS = 1.0
"""What a client that came when there was no room is told to wait."""


def room_of(threads: int) -> int:
    """How many requests so many threads are for; the others keep health checks and refusals quick."""
    return max(1, threads - max(2, min(16, threads // 32)))


class InFlight:
    """The table of requests in flight, from the moment a thread answers one until it is finished."""

    def __init__(self) -> None:
        self._reset(None)
        os.register_at_fork(after_in_child=lambda: self._reset(self._room))  # it is there as long as its process

    def _reset(self, room: int | None) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[int, RequestContext] = {}
        self._room = room
        self.draining = False

    def __len__(self) -> int:
        return len(self._contexts)

    def set_threads(self, threads: int) -> None:
        """Says how many threads the server has. Until somebody does there is room for all who come."""
        self._room = room_of(threads)

    def enter(self, context: RequestContext) -> None:
        """Takes a place until the request is finished.

        Raises:
            Overloaded: There is none, or the process is about to stop. Nobody waits for one: a queue of streams would
                be one of minutes.
        """
        with self._lock:
            if self.draining:
                raise Overloaded(code="server_shutdown", retry_after=RETRY_SECS)
            if self._room is not None and len(self._contexts) >= self._room:
                raise Overloaded(retry_after=RETRY_SECS, detail=f"{self._room} requests are in flight")
            self._contexts[id(context)] = context
        context.on_finish(self._leave)

    def drain(self, secs: float) -> None:
        """Takes no new work from now on; what is left after so many seconds is cancelled as `server_shutdown`."""
        self.draining = True
        WATCHDOG.at(time.monotonic() + secs, self._end_all)

    def _leave(self, context: RequestContext) -> None:
        with self._lock:
            self._contexts.pop(id(context), None)

    def _end_all(self) -> None:
        with self._lock:
            contexts = list(self._contexts.values())
        for context in contexts:
            context.cancellation.cancel(Overloaded(code="server_shutdown", retry_after=RETRY_SECS))


IN_FLIGHT = InFlight()
"""The process's own."""
