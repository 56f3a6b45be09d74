"""Sends a request to the target of its model."""

from collections.abc import Mapping, Sequence

from llmproxy.core.client import LLMClient
from llmproxy.core.context import Attempt
from llmproxy.core.errors import LLMProxyError, NoTargetAvailable
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.routing.catalog import Catalog
from llmproxy.routing.target import Target


class Router(LLMClient):
    """Answers by model name.

    Args:
        catalog: What each name reaches.
        llms: The llms by name.
        target: A `[model.*]` name or an llm that answers whatever the request names; None: by the request's model.
    """

    def __init__(self, catalog: Catalog, llms: Mapping[str, LLMClient], target: str | None = None) -> None:
        self._catalog = catalog
        self._llms = llms
        self._target = target

    def targets(self, request: LLMRequest) -> Sequence[Target]:
        """Where the request may go, the preferred one first.

        Raises:
            ModelNotFound: Nowhere.
        """
        allowed = request.context.models
        if self._target is None or self._catalog.has_model(self._target):
            return self._catalog.resolve(self._target or request.model, allowed)
        self._catalog.check(allowed, request.model, f"{self._target}/{request.model}")
        return [Target(self._target, request.model)]

    def execute(self, request: LLMRequest) -> ResponseStream:
        for target in self.targets(request):
            if target.llm in self._llms:
                return self.dispatch(target, request)
        raise NoTargetAvailable(code="llm_not_configured", detail=f"no llm for {request.model!r} is on")

    def dispatch(self, target: Target, request: LLMRequest) -> ResponseStream:
        """One attempt at one target. A stream's first event is awaited: one that starts with an error has failed."""
        attempt = Attempt(target.llm, target.model)
        request.context.attempts.append(attempt)
        request.context.answered_by = (target.llm, target.model)
        try:
            return self._llms[target.llm].execute(self.addressed(target, request)).prime()
        except LLMProxyError as error:
            attempt.error = error
            raise

    def addressed(self, target: Target, request: LLMRequest) -> LLMRequest:
        """The request as this target gets it."""
        if target.params:
            request = request.with_defaults(target.params)
        return request.with_model(target.model)
