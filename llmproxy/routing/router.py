"""Sends a request to the targets of its model, one after the other, until one answers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from llmproxy.core.client import LLMClient
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import LLMProxyError, NoTargetAvailable, RequestError, TokenError
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.routing.catalog import Catalog
from llmproxy.routing.plan import Plan
from llmproxy.routing.policies import Candidate
from llmproxy.routing.target import Target
from llmproxy.routing.upstream import Lane, Upstream

MIN_SECS_LEFT = 2.0
"""With less time than this no further attempt is started."""

_DEFAULT = Plan()


class Try(NamedTuple):
    """Where the next attempt goes."""

    target: Target
    upstream: Upstream
    lane: Lane


class Router(LLMClient):
    """Answers by model name.

    Args:
        catalog: What each name reaches.
        upstreams: The llms by name.
        target: A `[model.*]` name or an llm that answers whatever the request names; None: by the request's model.
        plans: How each `[model.*]` uses its targets; one that is not there falls back from each to the next.
        clock: Seconds that only grow; that of the request's deadline.
    """

    def __init__(
        self,
        catalog: Catalog,
        upstreams: Mapping[str, Upstream],
        target: str | None = None,
        plans: Mapping[str, Plan] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._upstreams = upstreams
        self._target = target
        self._plans = plans or {}
        self._clock = clock

    def permit(self, request: LLMRequest) -> None:
        """Raises `ModelNotFound` unless the client may use the model it asked for, whatever a processor makes of it."""
        asked = request.context.model or request.model
        names: tuple[str, ...] = (asked,)
        if self._target is not None:
            names = (self._target,) if self._catalog.has_model(self._target) else (asked, f"{self._target}/{asked}")
        self._catalog.check(request.context.models, *names)

    def targets(self, request: LLMRequest) -> Sequence[Target]:
        """Where the request may go, in the order of the configuration.

        Raises:
            ModelNotFound: Nowhere.
        """
        self.permit(request)
        if self._target is not None and not self._catalog.has_model(self._target):
            return [Target(self._target, request.model)]
        name = self._target or request.model
        return self._catalog.resolve(name, request.context.models if name == request.context.model else None)

    def execute(self, request: LLMRequest) -> ResponseStream:
        failure: LLMProxyError | None = None
        for attempt in self.attempts(request):
            try:
                return self.dispatch(attempt, request)
            except LLMProxyError as error:
                if failure is None or not isinstance(error, RequestError):  # another could have done it
                    failure = error
        raise failure or NoTargetAvailable(code="llm_not_configured", detail=f"no llm for {request.model!r} is on")

    def attempts(self, request: LLMRequest) -> Iterator[Try]:
        """Each attempt that may be made. Asked for the next, it looks at how the one before has failed.

        Raises:
            LLMProxyError: Every target wants to be left alone, or has as many requests as it may.
        """
        plan, context = self._plans.get(self._target or request.model, _DEFAULT), request.context
        refusals: list[LLMProxyError] = []
        for target in self._in_order(plan, self.targets(request)):
            yield from self._attempts_at(target, context, refusals)
            if context.attempts and not plan.continues_after(_failure(context)):
                break
            if not self._may_go_on(context):
                break
        too_long = bool(context.attempts) and _failure(context).elsewhere == "longer_context"
        if plan.longer_context and too_long and self._may_go_on(context):
            yield from self._attempts_at(plan.longer_context, context, refusals)
        if refusals and not context.attempts:
            raise min(refusals, key=lambda refusal: refusal.retry_after or 0.0)

    def dispatch(self, attempt: Try, request: LLMRequest) -> ResponseStream:
        """Makes an attempt. A stream's first event is awaited: one that starts with an error has failed."""
        target, upstream, lane = attempt
        context = request.context
        record = Attempt(target.llm, target.model, token=lane.token)
        context.attempts.append(record)
        context.answered_by = (target.llm, target.model)
        context.response_headers.clear()  # of the attempt before
        started = self._clock()
        try:
            stream = upstream.client.execute(self.addressed(target, request)).prime()
        except BaseException as error:
            upstream.end(lane)
            if not isinstance(error, LLMProxyError) or context.cancellation.reason is not None:
                lane.breaker.abandoned()  # the fault is our own, or nobody waits any more
            else:
                upstream.failed(lane, error)
            record.error = error if isinstance(error, LLMProxyError) else LLMProxyError(detail=repr(error))
            raise
        upstream.succeeded(lane, self._clock() - started)
        stream.on_close(lambda: _end(stream, record, upstream, lane, context))
        return stream

    def addressed(self, target: Target, request: LLMRequest) -> LLMRequest:
        """The request as this target gets it."""
        request = request.with_model(target.model)  # which may say where its defaults go
        return request.with_defaults(target.params) if target.params else request

    def _in_order(self, plan: Plan, targets: Sequence[Target]) -> Sequence[Target]:
        """The targets whose llm is there, as the policy wants them tried."""
        there = [target for target in targets if target.llm in self._upstreams]
        if len(there) < 2:
            return there
        candidates = [Candidate(target, self._upstreams[target.llm].load(target.model)) for target in there]
        return [candidate.target for candidate in plan.policy.order(candidates)]

    def _attempts_at(self, target: Target, context: RequestContext, refusals: list[LLMProxyError]) -> Iterator[Try]:
        """The attempts at one target: with another token where one was refused, and again where that is safe."""
        upstream = self._upstreams[target.llm]
        upstream.budget.earn()
        spent: set[int] = set()
        repeats = 0
        while lane := upstream.take(target.model, spent):
            yield Try(target, upstream, lane)
            error = _failure(context)
            pause: float | None = 0.0
            if error.blame == "token" and len(spent) + 1 < upstream.tokens:
                spent.add(lane.token)
            else:
                pause = upstream.pause(error, repeats)
                repeats += 1
            if pause is None or not self._may_go_on(context, pause):
                return
            if isinstance(error, TokenError):
                context.attempts.pop()  # without a token there was none
            elif not upstream.budget.take():
                return
            if pause:
                context.wait(pause)
        if not context.attempts:
            refusals.append(upstream.refusal(target.model))

    def _may_go_on(self, context: RequestContext, pause: float = 0.0) -> bool:
        """Whether a further attempt may be started after a pause: somebody waits, and there is time for it."""
        if context.cancellation.reason is not None:
            return False
        return context.deadline is None or context.deadline - self._clock() - pause >= MIN_SECS_LEFT


def _failure(context: RequestContext) -> LLMProxyError:
    """How the last attempt failed."""
    error = context.attempts[-1].error
    assert error is not None
    return error


def _end(
    stream: ResponseStream, record: Attempt, upstream: Upstream, lane: Lane, context: RequestContext
) -> None:
    """What an answer that had begun shows when it ends."""
    upstream.end(lane)
    record.error = stream.failure
    if record.error is not None and record.error.blame is not None and context.cancellation.reason is None:
        lane.breaker.failed_later()
