"""OpenAI's completions of a bare prompt. https://platform.openai.com/docs/api-reference/completions"""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.answer import Answer
from llmproxy.core.chat import Chat
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.openai import OpenAIChoicesDialect, OpenAIClientDialect
from llmproxy.dialects.openai_chat.schema import AnswerSchema
from llmproxy.dialects.openai_completions.answer import write_answer
from llmproxy.dialects.openai_completions.chat import NAME, read_request
from llmproxy.dialects.openai_completions.request import CompletionsRequest
from llmproxy.dialects.openai_completions.schema import CompletionsSchema
from llmproxy.dialects.openai_completions.stream import CompletionsWriter


class OpenAICompletionsClient(OpenAIClientDialect):
    name = NAME
    paths = ("/v1/completions",)
    schema = CompletionsSchema()
    answer_schema = AnswerSchema()
    request_class = CompletionsRequest

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> CompletionsWriter:
        return CompletionsWriter(request)


class OpenAICompletionsProvider(OpenAIChoicesDialect):
    name = NAME
