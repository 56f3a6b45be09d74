"""Gemini's count of a prompt's tokens. https://ai.google.dev/api/tokens"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from marshmallow import ValidationError, fields, validates_schema

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.chat import Chat
from llmproxy.core.context import RequestContext
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.base import JSONRequest
from llmproxy.dialects.counts import signs_of_count
from llmproxy.dialects.extra import keep, lay_over
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.gemini_generate import GeminiGenerateClient, GeminiGenerateProvider
from llmproxy.dialects.gemini_generate.names import member
from llmproxy.dialects.gemini_generate.request import GenerateRequest
from llmproxy.dialects.gemini_generate.schema import Contents, GenerateSchema

NAME = "gemini.count_tokens"
WHOLE = "generateContentRequest"
"""The member that holds a whole request, where there is more to count than contents."""


class CountSchema(GenerateSchema):
    contents = Contents()
    generateContentRequest = fields.Nested(GenerateSchema)
    generate_content_request = fields.Nested(GenerateSchema)
    json_schema = MappingProxyType({
        "anyOf": [{"required": [name]} for name in ("contents", WHOLE, "generate_content_request")]
    })  # fmt: skip

    @validates_schema
    def check_contents(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        if member(data, WHOLE) is None and "contents" not in data:
            raise ValidationError("Missing data for required field.", "contents")


class AnswerSchema(BodySchema):
    totalTokens = fields.Integer(required=True)


class CountRequest(GenerateRequest):
    """A call of `:countTokens`. Its body is that of the request to count, bare: Google takes it so at Vertex alone."""

    dialect = NAME
    purpose = "count"

    def with_max_tokens(self, limit: int) -> Self:
        return self

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        return self

    def bare(self) -> Self:
        """The same call without what is around the request to count."""
        whole = member(self.body, WHOLE)
        return self if whole is None else self._with_body({name: whole[name] for name in whole if name != "model"})


class GeminiCountTokensClient(GeminiGenerateClient):
    name = NAME
    paths = (
        "/v1beta/models/<path:model>:countTokens",
        "/v1/models/<path:model>:countTokens",
        "/v1beta/<any(tunedModels):kind>/<path:model>:countTokens",
    )
    lookups = ()
    schema = CountSchema()
    answer_schema = AnswerSchema()
    request_class = CountRequest

    def parse(self, body: bytes, context: RequestContext) -> JSONRequest:
        request = super().parse(body, context)
        return request.bare() if isinstance(request, CountRequest) else request

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return lay_over({"totalTokens": answer.usage.input or 0}, answer.extra, NAME)


class GeminiCountTokensProvider(GeminiGenerateProvider):
    name = NAME
    purpose = "count"

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        body, lost = super().write_request(chat)
        return {name: value for name, value in body.items() if name != "generationConfig"}, lost

    def read_answer(self, body: Any) -> Answer:
        count = Answer.of(usage=Usage(input=body["totalTokens"]))
        return Answer(count.choices, count.usage, extra=keep(NAME, body, ("totalTokens",)))

    def reader(self) -> None:  # type: ignore[override]  # nothing here comes as a stream
        return None

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs_of_count(event, "totalTokens")
