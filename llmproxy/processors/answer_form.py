"""Whether a route gives streams, whole answers, or both."""

from llmproxy.core.errors import ParseError
from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest


class AnswerFormProcessor(Processor):
    """Refuses the form of answer that the route does not allow."""

    def __init__(self, allow_streaming: bool = True, allow_non_streaming: bool = True) -> None:
        self.allow_streaming = allow_streaming
        self.allow_non_streaming = allow_non_streaming

    def process(self, request: LLMRequest) -> LLMRequest:
        if request.stream and not self.allow_streaming:
            raise ParseError("This route does not stream.", code="streaming_not_allowed", param="stream")
        if not request.stream and not self.allow_non_streaming:
            raise ParseError("This route only streams.", code="streaming_not_allowed", param="stream")
        return request
