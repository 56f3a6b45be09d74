"""What stands in the place of a processor whose code cannot be imported."""

from llmproxy.core.errors import LLMProxyError
from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest


class MissingProcessor(Processor):
    """Refuses each request: what the processor was to check, change or refuse must not pass unseen.

    Args:
        failure: Why it cannot be imported; logged, never sent.
    """

    def __init__(self, failure: str) -> None:
        self.failure = failure

    def process(self, request: LLMRequest) -> LLMRequest:
        raise LLMProxyError(code="invalid_config", detail=self.failure)
