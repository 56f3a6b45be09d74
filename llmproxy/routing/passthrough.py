"""Sends a raw request to the llm that it names."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from llmproxy.core.client import LLMClient
from llmproxy.core.errors import PathNotFound
from llmproxy.core.raw import RawRequest
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.routing.upstream import Upstream


@runtime_checkable
class Forwarding(Protocol):
    """An llm with an API of its own behind it."""

    def forward(self, request: RawRequest) -> ResponseStream: ...


class Passthrough(LLMClient):
    """Answers with what an llm's own API says.

    Args:
        upstreams: The llms by name.
    """

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    def execute(self, request: LLMRequest) -> ResponseStream:
        upstream = self._upstreams.get(request.llm) if isinstance(request, RawRequest) else None
        if upstream is None or not isinstance(upstream.client, Forwarding) or not isinstance(request, RawRequest):
            raise PathNotFound("There is no llm of this name with an API of its own.")
        if not upstream.enter():
            raise upstream.full()
        try:
            stream = upstream.client.forward(request).prime()
        except BaseException:
            upstream.leave()
            raise
        stream.on_close(upstream.leave)
        return stream
