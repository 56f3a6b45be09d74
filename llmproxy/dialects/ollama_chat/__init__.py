"""Ollama's own chat. https://docs.ollama.com/api/chat"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from llmproxy.core import ndjson
from llmproxy.core.answer import Answer, Delta
from llmproxy.core.chat import Chat
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event, Step
from llmproxy.dialects.base import ClientDialect, ProviderDialect
from llmproxy.dialects.ollama_chat.answer import read_answer, write_answer
from llmproxy.dialects.ollama_chat.chat import read_request, write_request
from llmproxy.dialects.ollama_chat.errors import ErrorSchema, error_events, read_error, write_error
from llmproxy.dialects.ollama_chat.models import LOOKUPS
from llmproxy.dialects.ollama_chat.parts import NAME
from llmproxy.dialects.ollama_chat.request import OllamaRequest
from llmproxy.dialects.ollama_chat.schema import AnswerSchema, ChatSchema
from llmproxy.dialects.ollama_chat.stream import OllamaWriter, reader, signs

STREAM_TYPE = "application/x-ndjson"


class OllamaChatClient(ClientDialect):
    name = NAME
    paths = ("/api/chat",)
    lookups = LOOKUPS
    schema = ChatSchema()
    answer_schema = AnswerSchema()
    error_schema = ErrorSchema()
    request_class = OllamaRequest
    stream_type = STREAM_TYPE
    # A line must name a model and a date, and nobody is told here whose or when.
    keepalive = (
        b'{"model":"","created_at":"1970-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":false}\n'
    )
    member_names = MappingProxyType({"max_tokens": "num_predict", "reasoning": "think", "response_format": "format"})
    immaterial = frozenset({"keep_alive"})

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> OllamaWriter:
        return OllamaWriter(request)

    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        return write_error(error)

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        return error_events(error)


class OllamaChatProvider(ProviderDialect):
    name = NAME
    stream_type = STREAM_TYPE

    def decode(self, chunks: Iterable[bytes | Step]) -> Iterator[Event | Step]:
        return ndjson.decode(chunks)

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
