"""What the router knows of an llm: how its models and tokens are doing, and how often it may be asked again."""

import logging
import random as randomness
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from llmproxy.core.client import LLMClient
from llmproxy.core.errors import (
    LLMProxyError,
    Overloaded,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    TokenError,
)
from llmproxy.routing.breaker import Breaker
from llmproxy.routing.cooldown import Cooldown
from llmproxy.routing.load import Load
from llmproxy.routing.retry import RetryBudget, pause_before_repeat
from llmproxy.routing.rotation import Rotation

log = logging.getLogger(__name__)

_MAX_MODELS = 4096  # a client may ask for any name
_REST_SECS = 1.0
_FULL_SECS = 1.0
_EJECTED_SECS = 60.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One token's way to one model.

    Attributes:
        token: The token's place among those of the llm.
        load: That of the model, whatever the token.
    """

    token: int
    load: Load
    cooldown: Cooldown
    breaker: Breaker

    def admit(self) -> bool:
        """Whether a request may be sent now. Whoever is told so has to send it: it may be the only probe."""
        return not self.cooldown.remaining() and self.breaker.admit()

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing about it to remember."""
        return self.breaker.closed and not self.cooldown.remaining() and not self.load.in_flight


class Upstream:
    """An llm with its state, which is the process's. Shared by all routers and all threads.

    Args:
        client: The llm.
        name: Its name.
        tokens: How many tokens take turns there.
        max_retries: How often an attempt that is safe to repeat is repeated.
        max_parallel: How many requests it answers at a time. None: as many as come.
        retry_on_stale_reuse: Whether a reused connection that was closed without an answer is worth another attempt.
        clock: Seconds that only grow.
        random: Numbers from 0 up to 1.
    """

    def __init__(
        self,
        client: LLMClient,
        name: str = "",
        *,
        tokens: int = 1,
        max_retries: int = 1,
        max_parallel: int | None = None,
        retry_on_stale_reuse: bool = False,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self.client = client
        self.name = name
        self.tokens = tokens
        self.max_retries = max_retries
        self._clock = clock
        self.budget = RetryBudget(clock)
        self._random = random
        self._repeatable = ("yes", "stale") if retry_on_stale_reuse else ("yes",)
        self._slots = threading.BoundedSemaphore(max_parallel) if max_parallel else None
        self._rotation = Rotation(tokens, clock)
        self._lanes: dict[str, tuple[Lane, ...]] = {}
        self._lock = threading.Lock()

    def load(self, model: str) -> Load:
        """How busy and how quick a model is here."""
        return (self._lanes.get(model) or self._open(model))[0].load

    def take(self, model: str, spent: Collection[int] = ()) -> Lane | None:
        """Where a request may be sent now, with a token that is not among the spent ones; None: nowhere.

        Whoever is given a lane calls `end` when the request is over.
        """
        if not self.enter():
            return None
        for lane in self._in_turn(model):
            if lane.token not in spent and lane.admit():
                lane.load.begin()
                return lane
        self.leave()
        return None

    def end(self, lane: Lane) -> None:
        """A request that had this lane is over."""
        lane.load.end()
        self.leave()

    def enter(self) -> bool:
        """Takes one of the llm's places, if it has one left; whoever is told so calls `leave` later."""
        return self._slots is None or self._slots.acquire(blocking=False)

    def leave(self) -> None:
        """Gives the place back."""
        if self._slots is not None:
            self._slots.release()

    def full(self) -> Overloaded:
        """That the llm has no place left."""
        return Overloaded(retry_after=_FULL_SECS, detail=f"{self.name} has its max_parallel; nothing was sent")

    def refusal(self, model: str) -> LLMProxyError:
        """Why nothing is sent to a model now, with the time until something may be."""
        lanes = self._in_turn(model)
        wait = min(max(lane.cooldown.remaining(), lane.breaker.remaining()) for lane in lanes)
        if not wait and all(lane.breaker.closed for lane in lanes):
            return self.full()
        if all(lane.breaker.closed for lane in lanes):
            return ProviderRateLimited(retry_after=wait, detail=f"{self.name} asked for a pause; nothing was sent")
        detail = f"{self.name} keeps failing; nothing was sent"
        return ProviderUnavailable(code="upstream_circuit_open", retry_after=wait or None, detail=detail)

    def pause(self, error: LLMProxyError, repeat: int) -> float | None:
        """Seconds to wait after `error` before the same is tried again; None: it is not."""
        if error.again not in self._repeatable or repeat >= self.max_retries:
            return None
        return pause_before_repeat(error, repeat, self._random)

    def succeeded(self, lane: Lane, seconds: float) -> None:
        """The first event of an answer came after so many seconds."""
        lane.load.began_after(seconds)
        lane.breaker.succeeded()
        if self.tokens > 1:
            self._rotation.note(lane.token, there=True)

    def failed(self, lane: Lane, error: LLMProxyError) -> None:
        """No answer came. Remembers what others should know of it."""
        if error.blame is not None and error.retry_after:
            lane.cooldown.begin(error.retry_after)
        if error.blame in ("connection", "upstream"):
            lane.breaker.failed(connecting=error.blame == "connection")
        elif isinstance(error, ProviderRejected):
            lane.breaker.succeeded()  # it is well enough to refuse
        else:
            lane.breaker.abandoned()
        if self.tokens > 1:
            self._judge_token(lane, error)

    def _judge_token(self, lane: Lane, error: LLMProxyError) -> None:
        """Has the other tokens take over where this one was refused."""
        self._rotation.note(lane.token, there=not isinstance(error, TokenError))
        if error.blame != "token" or isinstance(error, TokenError):
            return
        if error.again == "yes":  # out of breath rather than refused
            lane.cooldown.begin(error.retry_after or _REST_SECS)
        elif self._rotation.eject(lane.token, _EJECTED_SECS):
            text = "llm %s: token %d of %d was refused (%s) and is left out for %g s"
            log.warning(text, self.name, lane.token + 1, self.tokens, error.code, _EJECTED_SECS)

    def _in_turn(self, model: str) -> Iterable[Lane]:
        lanes = self._lanes.get(model) or self._open(model)
        return lanes if self.tokens == 1 else [lanes[place] for place in self._rotation.turns()]

    def _open(self, model: str) -> tuple[Lane, ...]:
        with self._lock:
            if len(self._lanes) >= _MAX_MODELS:
                busy = {name: lanes for name, lanes in self._lanes.items() if not all(lane.at_rest for lane in lanes)}
                self._lanes = busy if len(busy) < _MAX_MODELS else {}
            load, clock = Load(self._clock), self._clock
            lanes = (Lane(place, load, Cooldown(clock), Breaker(clock, self._random)) for place in range(self.tokens))
            return self._lanes.setdefault(model, tuple(lanes))
