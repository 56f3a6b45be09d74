"""Whether a client may use the model it asks for, before any other processor spends something on the request."""

from collections.abc import Callable

from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest


class ModelAccessProcessor(Processor):
    """Refuses a model that the client may not use.

    Args:
        permit: Raises `ModelNotFound` for such a model.
    """

    def __init__(self, permit: Callable[[LLMRequest], None]) -> None:
        self._permit = permit

    def process(self, request: LLMRequest) -> LLMRequest:
        self._permit(request)
        return request
