"""One request, all the way."""

from llmproxy.core.client import LLMClient
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.parser import RequestParser
from llmproxy.core.processor import ProcessorChain
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream


class Pipeline:
    """Parser, processors and whoever answers, in a row. Shared by all threads.

    `prepare` may refuse before anything is taken; `answer` takes what it needs and gives it back when the stream is
    closed. `execute` is both:

        with pipeline.execute(body) as stream:
            for chunk in stream: ...

    Args:
        parser: Turns a body into a request.
        processors: What the request passes on its way in, and the answer on its way back.
        client: Who answers: a provider, a router, or anything else with `execute`.
    """

    def __init__(self, parser: RequestParser, processors: ProcessorChain, client: LLMClient) -> None:
        self.parser = parser
        self.processors = processors
        self.client = client

    def prepare(self, body: bytes, context: RequestContext | None = None) -> LLMRequest:
        """The request as it goes to whoever answers.

        Raises:
            RequestError: It cannot be read, or a processor refused it.
        """
        return self.processors.process(self.parser.parse(body, context or RequestContext()))

    def answer(self, request: LLMRequest) -> ResponseStream:
        """The answer on its way back. Its `close` finishes the request.

        Raises:
            LLMProxyError: There is no answer; the request is finished.
        """
        context = request.context
        stream: ResponseStream | None = None
        try:
            stream = self.client.execute(request)
            answer = self.processors.process_response(request, stream)
        except BaseException as error:
            if stream is not None:
                stream.close()
            context.finish(error if isinstance(error, LLMProxyError) else LLMProxyError(detail=repr(error)))
            raise
        answer.on_close(lambda: context.finish(answer.failure))
        return answer

    def execute(self, body: bytes, context: RequestContext | None = None) -> ResponseStream:
        """`prepare`, then `answer`."""
        return self.answer(self.prepare(body, context))
