"""OpenAI's responses. https://platform.openai.com/docs/api-reference/responses"""

from collections.abc import Iterable, Iterator
from typing import Any

from llmproxy.core.answer import Answer, Delta
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import Signs
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.openai import OpenAIClientDialect, OpenAIProviderDialect, read_usage
from llmproxy.dialects.openai_responses.answer import write_answer
from llmproxy.dialects.openai_responses.errors import error_events
from llmproxy.dialects.openai_responses.request import ResponsesRequest
from llmproxy.dialects.openai_responses.schema import ResponsesSchema
from llmproxy.dialects.openai_responses.stream import write_stream

NAME = "openai.responses"

_ENDINGS = ("response.completed", "response.incomplete", "response.failed")
_NOTHING = Signs()


class OpenAIResponsesClient(OpenAIClientDialect):
    name = NAME
    paths = ("/v1/responses",)
    schema = ResponsesSchema()
    request_class = ResponsesRequest

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def write_stream(self, deltas: Iterable[Delta | Step], request: LLMRequest) -> Iterator[Event]:
        return write_stream((each for each in deltas if each is not PAUSE), request)

    def writer(self, request: LLMRequest) -> StreamWriter:
        raise NotImplementedError

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        return error_events(self.write_error(error, context)[1]["error"], context)


class OpenAIResponsesProvider(OpenAIProviderDialect):
    name = NAME
    usage_members = ("input_tokens", "output_tokens")

    def signs(self, event: Event, whole: bool) -> Signs:
        value = event.json()
        if not isinstance(value, dict):
            raise ValueError("not an object")
        if whole:
            return self._signs_of_whole(value)
        kind = value.get("type", event.type)
        if kind == "error" or (value.get("error") and kind == "message"):
            return Signs(error=True)
        if kind not in _ENDINGS:
            return _NOTHING
        response = value.get("response") or {}
        if not isinstance(response, dict):
            raise ValueError("an ending without a response")
        usage = read_usage(self.name, response.get("usage"), *self.usage_members)
        return Signs(usage, finished=True, terminal=True, error=kind == "response.failed")

    def _signs_of_whole(self, value: dict[str, Any]) -> Signs:
        # A response that failed is an answer of its own, with status `failed` and output; an error object has neither.
        if value.get("error") and "output" not in value:
            return Signs(error=True)
        if "output" not in value and "status" not in value:
            raise ValueError("a response without output")
        return Signs(read_usage(self.name, value.get("usage"), *self.usage_members), finished=True, terminal=True)
