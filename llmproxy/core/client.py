"""Whatever can answer a request."""

from abc import ABC, abstractmethod

from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream


class LLMClient(ABC):
    """Everything that can answer has this one method, so providers, router and cache nest. Shared by all threads."""

    @abstractmethod
    def execute(self, request: LLMRequest) -> ResponseStream:
        """The answer on its way; whoever gets it closes it.

        Raises:
            ProviderError: There is no answer.
        """
