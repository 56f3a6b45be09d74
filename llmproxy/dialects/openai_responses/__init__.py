"""OpenAI's responses. https://platform.openai.com/docs/api-reference/responses"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.openai import OpenAIClientDialect, OpenAIProviderDialect
from llmproxy.dialects.openai_responses.answer import read_answer, write_answer
from llmproxy.dialects.openai_responses.chat import read_request, write_request
from llmproxy.dialects.openai_responses.errors import error_events
from llmproxy.dialects.openai_responses.parts import CACHE_POINT, NAME
from llmproxy.dialects.openai_responses.request import ResponsesRequest
from llmproxy.dialects.openai_responses.schema import AnswerSchema, ResponsesSchema
from llmproxy.dialects.openai_responses.stream import ResponsesWriter, reader, signs


class OpenAIResponsesClient(OpenAIClientDialect):
    name = NAME
    paths = ("/v1/responses",)
    schema = ResponsesSchema()
    answer_schema = AnswerSchema()
    request_class = ResponsesRequest
    member_names = MappingProxyType(
        {
            "max_tokens": "max_output_tokens",
            "response_format": "text",
            "logprobs": "message.output_text.logprobs",
            "thinking": "reasoning",
        }
    )
    # What is said in other words anyway, and what clients repeat of an answer of ours. `store` is for what is refused.
    immaterial = frozenset({
        "id", "type", "status", "item", "phase", "annotations", "include", "store", "stream_options", "summary",
        CACHE_POINT,
    })  # fmt: skip

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> ResponsesWriter:
        return ResponsesWriter(request)

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        return error_events(self.write_error(error, context)[1]["error"], context)


class OpenAIResponsesProvider(OpenAIProviderDialect):
    name = NAME
    usage_members = ("input_tokens", "output_tokens")

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def read_answer(self, body: Any) -> Answer:
        if body.get("status") == "failed":
            raise self.read_error(200, {}, json.dumps(body).encode())
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)
