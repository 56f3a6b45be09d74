"""From bytes to a request."""

from abc import ABC, abstractmethod

from llmproxy.core.context import RequestContext
from llmproxy.core.request import LLMRequest


class RequestParser(ABC):
    """Reads a client's body. Shared by all threads."""

    @abstractmethod
    def parse(self, body: bytes, context: RequestContext) -> LLMRequest:
        """The request that `body` holds.

        Raises:
            ParseError: It holds none; `param` names the field at fault.
        """
