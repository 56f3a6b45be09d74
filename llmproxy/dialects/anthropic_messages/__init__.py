"""Anthropic's messages. https://platform.claude.com/docs/en/api/messages"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from marshmallow import Schema

from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.anthropic_messages.answer import read_answer, write_answer
from llmproxy.dialects.anthropic_messages.chat import read_request, write_request
from llmproxy.dialects.anthropic_messages.errors import ErrorSchema, error_events, read_error, write_error
from llmproxy.dialects.anthropic_messages.models import LOOKUPS
from llmproxy.dialects.anthropic_messages.parts import NAME
from llmproxy.dialects.anthropic_messages.request import MessagesRequest
from llmproxy.dialects.anthropic_messages.schema import AnswerSchema, MessagesSchema
from llmproxy.dialects.anthropic_messages.stream import PING, STOP, MessagesWriter, reader, signs
from llmproxy.dialects.base import ClientDialect, ProviderDialect


class AnthropicMessagesClient(ClientDialect):
    name = NAME
    paths = ("/v1/messages",)
    lookups = LOOKUPS
    marker = "anthropic-version"
    schema = MessagesSchema()
    answer_schema: ClassVar[Schema] = AnswerSchema()
    error_schema = ErrorSchema()
    request_class = MessagesRequest
    key_header = "x-api-key"
    forwarded_headers = ("anthropic-version", "anthropic-beta")
    id_headers = ("x-request-id", "request-id")
    keepalive = PING
    member_names = MappingProxyType({
        "cache": "cache_control",
        "parallel_tool_calls": "tool_choice",
        "reasoning": "thinking",
        "response_format": "output_config",
        "stop": "stop_sequences",
        "user": "metadata",
    })  # fmt: skip
    # Who called a tool, that a tool is an ordinary one, and how a system message stood in the conversation.
    immaterial = frozenset({"caller", "role", "type"})

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> MessagesWriter:
        return MessagesWriter(request)

    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        return write_error(error, context)

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        return error_events(error, context)


class AnthropicMessagesProvider(ProviderDialect):
    name = NAME

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]] | None:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)

    def terminal_events(self) -> Iterator[Event]:
        yield Event.of_line(STOP, "message_stop")

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
