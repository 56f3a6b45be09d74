"""Steps between the client's request and the provider, and back."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream

Condition = Callable[[LLMRequest], bool]


class Processor:
    """A step that may look at, change or refuse a request, and may watch or change the answer. Shared by all threads.

    Attributes:
        when: Says whether a request concerns this processor; None: each does.
        asks_models: Whether the class wants to be made with `client`, the `LLMClient` that answers by model name.
    """

    when: Condition | None = None
    asks_models: ClassVar[bool] = False

    def process(self, request: LLMRequest) -> LLMRequest:
        """The request as it should go on: the same one, or an edited copy. Called once per request, in order.

        Raises:
            RequestError: It should not go on.
        """
        return request

    def process_response(self, request: LLMRequest, stream: ResponseStream) -> ResponseStream:
        """The answer as it should go back. Called once per answer, in reverse order, before a byte was sent."""
        return stream


class ProcessorChain:
    """Processors in order. On the way back, those that saw the request see its answer, last one first.

    Args:
        processors: In the order of the way in.
    """

    def __init__(self, processors: Iterable[Processor] = ()) -> None:
        self.processors = tuple(processors)

    def process(self, request: LLMRequest) -> LLMRequest:
        """The request after every processor it concerns."""
        if not self.processors:
            return request
        seen_by = request.context.data.setdefault(self, [])
        for processor in self.processors:
            if processor.when is None or processor.when(request):
                request = processor.process(request)
                seen_by.append(processor)
        return request

    def process_response(self, request: LLMRequest, stream: ResponseStream) -> ResponseStream:
        """The answer after every processor that saw the request."""
        for processor in reversed(request.context.data.get(self, ())):
            stream = processor.process_response(request, stream)
        return stream
