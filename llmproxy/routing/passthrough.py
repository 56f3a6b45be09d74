"""Sends a raw request to the llm that it names."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from llmproxy.core.client import LLMClient
from llmproxy.core.errors import PathNotFound
from llmproxy.core.raw import RawRequest
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream


@runtime_checkable
class Forwarding(Protocol):
    """An llm with an API of its own behind it."""

    def forward(self, request: RawRequest) -> ResponseStream: ...


class Passthrough(LLMClient):
    """Answers with what an llm's own API says.

    Args:
        llms: The llms by name.
    """

    def __init__(self, llms: Mapping[str, LLMClient]) -> None:
        self._llms = llms

    def execute(self, request: LLMRequest) -> ResponseStream:
        if isinstance(request, RawRequest):
            llm = self._llms.get(request.llm)
            if isinstance(llm, Forwarding):
                return llm.forward(request).prime()
        raise PathNotFound("There is no llm of this name with an API of its own.")
