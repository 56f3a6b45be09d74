"""What is known of one request, from its arrival to its end."""

import logging
import random
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmproxy.core.answer import Usage
from llmproxy.core.cancel import Cancellation
from llmproxy.core.errors import LLMProxyError, Settlement
from llmproxy.core.ticker import Ticker

log = logging.getLogger(__name__)

CLIENT_GONE = 499


@dataclass(slots=True)
class Attempt:
    """One try at one target.

    Attributes:
        sent: Whether any byte of the request has gone to the upstream, so that it may have been billed.
        status: The upstream's status; None while there is none.
        error: What ended the attempt, or None.
        dropped: The client's members that could not be said to this target.
        token: Which of the llm's tokens it goes with, by its place among them. None: whichever has its turn.
    """

    llm: str
    model: str
    sent: bool = False
    status: int | None = None
    error: LLMProxyError | None = None
    dropped: tuple[str, ...] = ()
    token: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: what the ledger and the log line say of it.

    Attributes:
        settlement: `settled`, `partial`, `unknown` or `void`.
        status: The HTTP status the client was given; 499 if it had left.
        error: Why it did not end well, or None.
    """

    settlement: Settlement
    status: int
    error: LLMProxyError | None = None


def new_id() -> str:
    """An id for a request that brought none. It has to be unique and not secret, so it is not worth a system call."""
    return f"req-{random.getrandbits(96):024x}"


@dataclass(slots=True)
class RequestContext:
    """What travels with a request besides its body. It belongs to the one thread that serves the request.

    Attributes:
        id: Shown to the client as `x-request-id`.
        client: The name of whoever calls, or None.
        models: Globs of the model names this client may use; None allows all.
        route: The `path_prefix` of the route it came by; "chat" in process. None outside the proxy.
        dialect, stream: The dialect it is written in, and whether it asks for a stream; known once it is parsed.
        headers: The client's headers that may go on to an upstream of the same dialect, lower case.
        path: What the path said, by the names of its placeholders.
        query: What the query string said.
        model: The model's name as it was asked for.
        answered_by: The llm and the model's name over there; None until a target was chosen.
        attempts: Each try at a target, the last one last.
        usage: What the provider counted; None until it said so.
        response_headers: The upstream's headers that pass to the client.
        status: What an answer that comes has for its status.
        committed: Whether the head of a stream has been sent, so that a failure can have no status of its own.
        client_left: Whether the client has gone; its answer may be read on nevertheless, for its usage.
        received_at: Seconds since the epoch, for what shows a date.
        started, first_event_at, deadline: Seconds of the monotonic clock; at the deadline the request is over.
        cancellation: Why the request should stop, once it should; whoever waits for something wakes by it.
        ticker: What gives a waiting thread its turns, to tell the client that somebody is there.
        outcome: How the request ended; None until it has.
        data: For processors to keep what they learn on the way in for the way back, by a key of their own.
    """

    id: str = field(default_factory=new_id)
    client: str | None = None
    models: tuple[str, ...] | None = None
    route: str | None = None
    dialect: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    stream: bool = False
    answered_by: tuple[str, str] | None = None
    attempts: list[Attempt] = field(default_factory=list)
    usage: Usage | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    committed: bool = False
    client_left: bool = False
    received_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.monotonic)
    first_event_at: float | None = None
    deadline: float | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    ticker: Ticker = field(default_factory=Ticker)
    data: dict[Any, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    _callbacks: list[Callable[["RequestContext"], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def child(self, route: str) -> "RequestContext":
        """The context of a further request made for this one: the same caller and the same cancellation."""
        return RequestContext(
            id=f"{self.id}.{random.getrandbits(24):06x}",
            client=self.client,
            route=route,
            cancellation=self.cancellation,
            _callbacks=list(self._callbacks),
        )

    def wait(self, seconds: float) -> None:
        """Sleeps, ticking, unless the request is cancelled meanwhile: then raises the reason at once."""
        self.cancellation.check()
        while seconds > 0:
            waited = self.ticker.patience(seconds)
            self.cancellation.wait(waited)
            self.ticker.tick()
            seconds -= waited

    def saw_event(self) -> None:
        """Notes the time of the first real event of the answer."""
        if self.first_event_at is None:
            self.first_event_at = time.monotonic()

    def on_finish(self, callback: Callable[["RequestContext"], None]) -> None:
        """Calls `callback` once when the request has ended, however it ended, with `outcome` set."""
        self._callbacks.append(callback)

    def finish(self, error: LLMProxyError | None = None) -> None:
        """Ends the request; only the first call counts. Ledger, limits, metrics and the log line hang here.

        Args:
            error: Why it did not end well; None if it did.
        """
        with self._lock:
            if self.outcome is not None:
                return
            self.outcome = Outcome(self._settlement(error), self._status(error), error)
        for callback in self._callbacks:
            try:
                callback(self)
            except Exception:  # a ledger that fails must not keep a slot from being returned
                log.exception("a finish callback failed", extra={"request_id": self.id})
        self._let_go(error)

    def _let_go(self, error: BaseException | None) -> None:
        """Undoes the circles in which a request would hold on to itself, and to all that its failure has met: a body of
        many megabytes would stay until somebody looks for garbage."""
        self._callbacks = []
        errors = [error, *(attempt.error for attempt in self.attempts)]
        for each in errors:
            while each is not None:
                traceback.clear_frames(each.__traceback__)
                each = each.__cause__ or each.__context__

    def _settlement(self, error: LLMProxyError | None) -> Settlement:
        if error is None:
            return "settled" if self.attempts else "void"
        if not any(attempt.sent for attempt in self.attempts):
            return "void"
        if self.first_event_at is not None:
            return "partial"
        failures = [attempt.error for attempt in self.attempts if attempt.sent and attempt.error is not None]
        return "unknown" if any(failure.settlement == "unknown" for failure in failures) else error.settlement

    def _status(self, error: LLMProxyError | None) -> int:
        """A stream that broke has had its 200 already."""
        if self.client_left:
            return CLIENT_GONE
        had_its_head = self.committed or (self.first_event_at is not None and self.stream)
        return self.status if error is None or (had_its_head and error.status != CLIENT_GONE) else error.status
