"""Gemini's generateContent. https://ai.google.dev/api/generate-content"""

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
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.dialects.base import ClientDialect, JSONRequest, ProviderDialect
from llmproxy.dialects.gemini_generate.answer import read_answer, write_answer
from llmproxy.dialects.gemini_generate.chat import read_request, write_request
from llmproxy.dialects.gemini_generate.config import NAMES
from llmproxy.dialects.gemini_generate.errors import ErrorSchema, error_events, read_error, write_error
from llmproxy.dialects.gemini_generate.models import LOOKUPS
from llmproxy.dialects.gemini_generate.names import NAME
from llmproxy.dialects.gemini_generate.request import GenerateRequest
from llmproxy.dialects.gemini_generate.schema import AnswerSchema, GenerateSchema
from llmproxy.dialects.gemini_generate.stream import GenerateWriter, reader, signs
from llmproxy.dialects.lookups import Lookup

_ARRAY_TYPE = "application/json"
_METHODS = "<any(generateContent, streamGenerateContent):method>"


class GeminiGenerateClient(ClientDialect):
    name = NAME
    paths = (
        f"/v1beta/models/<path:model>:{_METHODS}",
        f"/v1/models/<path:model>:{_METHODS}",
        f"/v1beta/<any(tunedModels):kind>/<path:model>:{_METHODS}",
    )
    lookups: ClassVar[tuple[Lookup, ...]] = LOOKUPS
    marker = "x-goog-api-key"
    schema = GenerateSchema()
    answer_schema: ClassVar[Schema] = AnswerSchema()
    error_schema = ErrorSchema()
    request_class = GenerateRequest
    key_header = "x-goog-api-key"
    stream_types = (ClientDialect.stream_type, _ARRAY_TYPE)
    query = MappingProxyType({"alt": {"type": "string", "description": "`sse`: a stream of events, not one array."}})
    member_names = MappingProxyType({
        **NAMES,
        "tool_choice": "toolConfig",
        "response_format": "responseMimeType",
        "reasoning": "thinkingConfig",
        "thinking": "thought",
        "is_error": "error",
    })  # fmt: skip
    # Ids, names of files, and what stands in the neutral model too, in other words: -1 as a budget is none, and
    # `VALIDATED` without names is `AUTO`.
    immaterial = frozenset({
        "functionCall", "functionResponse", "inlineData", "fileData", "parameters", "responseSchema", "role", "mode",
        "thinkingBudget", "thinkingLevel",
    })  # fmt: skip

    def parse(self, body: bytes, context: RequestContext) -> JSONRequest:
        request = super().parse(body, context)
        if request.stream and context.query.get("alt") != "sse":
            request.client_dialect = GeminiGenerateArrayClient()
        return request

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return read_request(body)

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> GenerateWriter:
        return GenerateWriter(request)

    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        return write_error(error)

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        return error_events(error)


class GeminiGenerateArrayClient(GeminiGenerateClient):
    """A stream that was not asked for as events is one JSON array, whose elements leave as they come.

    Made anew for each request: it remembers whether the array has begun. Its name is not that of the dialect, so that
    what an upstream sends as events is written as elements.
    """

    name = f"{NAME}.array"
    stream_type = _ARRAY_TYPE
    keepalive = b" "

    def __init__(self) -> None:
        self._begun = False

    def write_stream(self, deltas: Iterable[Delta | Step], request: LLMRequest) -> Iterator[Event | Step]:
        for item in super().write_stream(deltas, request):
            yield item if item is PAUSE else self._element(item)
        yield Event(b"]" if self._begun else b"[]")

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        for event in super().error_events(error, context):
            yield self._element(event)
        yield Event(b"]")

    def _element(self, event: Event) -> Event:
        """The frame that an event holds, as the next element."""
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return Event.whole(before + (event.data or b""), event.json())


class GeminiGenerateProvider(ProviderDialect):
    name = NAME

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        return write_request(chat)

    def with_stream(self, body: dict[str, Any], stream: bool) -> dict[str, Any]:
        return body  # the path says it

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        return reader()

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs(event, whole)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
