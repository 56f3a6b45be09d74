"""Anthropic's count of a prompt's tokens. https://platform.claude.com/docs/en/api/messages-count-tokens"""

from collections.abc import Mapping
from typing import Any, Self

from marshmallow import fields

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.chat import Chat
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider
from llmproxy.dialects.anthropic_messages.request import MessagesRequest
from llmproxy.dialects.counts import signs_of_count
from llmproxy.dialects.fields import BodySchema

NAME = "anthropic.count_tokens"

# What of a messages request is only about the answer.
_OF_THE_ANSWER = ("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata")


class CountRequest(MessagesRequest):
    """A call of `/v1/messages/count_tokens`: a messages request without what is only about the answer."""

    dialect = NAME
    purpose = "count"

    @property
    def stream(self) -> bool:
        return False

    def with_max_tokens(self, limit: int) -> Self:
        return self

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        return self


class AnswerSchema(BodySchema):
    input_tokens = fields.Integer(required=True)


class AnthropicCountTokensClient(AnthropicMessagesClient):
    name = NAME
    paths = ("/v1/messages/count_tokens",)
    lookups = ()
    answer_schema = AnswerSchema()
    request_class = CountRequest

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return {"input_tokens": answer.usage.input or 0}


class AnthropicCountTokensProvider(AnthropicMessagesProvider):
    name = NAME
    purpose = "count"

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        body, lost = super().write_request(chat)
        return {name: value for name, value in body.items() if name not in _OF_THE_ANSWER}, lost

    def with_stream(self, body: dict[str, Any], stream: bool) -> dict[str, Any]:
        return body

    def read_answer(self, body: Any) -> Answer:
        return Answer.of(usage=Usage(input=body["input_tokens"]))

    def reader(self) -> None:
        return None

    def signs(self, event: Event, whole: bool) -> Signs:
        return signs_of_count(event, "input_tokens")
