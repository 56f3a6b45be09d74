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

    def permit(self, request: LLMRequest) -> None:
        """Raises `ModelNotFound` unless the client may use the model it asked for, whatever a processor makes of it."""
        asked = request.context.model or request.model
        names: tuple[str, ...] = (asked,)
        if self._target is not None:
            names = (self._target,) if self._catalog.has_model(self._target) else (asked, f"{self._target}/{asked}")
        self._catalog.check(request.context.models, *names)

    def targets(self, request: LLMRequest) -> Sequence[Target]:
        """Where the request may go, the preferred one first.

        Raises:
            ModelNotFound: Nowhere.
        """
        self.permit(request)
        if self._target is not None and not self._catalog.has_model(self._target):
            return [Target(self._target, request.model)]
        name = self._target or request.model
        return self._catalog.resolve(name, request.context.models if name == request.context.model else None)

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
