"""OpenAI's chat completions. https://platform.openai.com/docs/api-reference/chat"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event
from llmproxy.dialects.openai import OpenAIChoicesDialect, OpenAIClientDialect
from llmproxy.dialects.openai_chat.answer import read_answer, write_answer
from llmproxy.dialects.openai_chat.chat import read_request, write_request
from llmproxy.dialects.openai_chat.models import LOOKUPS
from llmproxy.dialects.openai_chat.parts import NAME
from llmproxy.dialects.openai_chat.request import ChatRequest
from llmproxy.dialects.openai_chat.schema import AnswerSchema, ChatSchema
from llmproxy.dialects.openai_chat.stream import ChatWriter, reader


class OpenAIChatClient(OpenAIClientDialect):
    name = NAME
    paths = ("/v1/chat/completions",)
    lookups = LOOKUPS
    schema = ChatSchema()
    answer_schema = AnswerSchema()
    request_class = ChatRequest
    member_names = MappingProxyType(
        {"cache": "cache_control", "reasoning": "reasoning_effort", "thinking": "reasoning_content"}
    )

    immaterial = frozenset({"stream_options", "index"})

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> ChatWriter:
        return ChatWriter(request)


class OpenAIChatProvider(OpenAIChoicesDialect):
    """Args:
        thinking: Whether the host wants earlier thoughts back; OpenAI itself does not know them.
    """

    name = NAME

    def __init__(self, *, thinking: bool = True) -> None:
        self._thinking = thinking

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat, thinking=self._thinking)

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()
