"""What is asked and what is answered, in words of our own."""

from dataclasses import dataclass, field, replace
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load
from marshmallow.validate import Length, OneOf, Range

from llmproxy import LLMRequest, RequestContext, Usage


class MessageSchema(Schema):
    role = fields.String(required=True, validate=OneOf(["system", "user", "assistant"]))
    content = fields.String(required=True)


class CustomRequestSchema(Schema):
    """A request: what every request has, and three members of our own."""

    messages = fields.List(fields.Nested(MessageSchema), required=True, validate=Length(min=1))
    model = fields.String(required=True)
    stream = fields.Boolean()
    max_tokens = fields.Integer(validate=Range(min=1), allow_none=True)
    temperature = fields.Float(validate=Range(0, 2), allow_none=True)
    top_p = fields.Float(validate=Range(0, 1), allow_none=True)
    custom_field = fields.String(allow_none=True)


@dataclass(frozen=True, slots=True, eq=False)
class CustomRequest(LLMRequest):
    """A request as everybody between the client and the upstream sees it. It is never changed in place."""

    messages: list[dict[str, Any]]
    model: str
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    custom_field: str | None = None
    context: RequestContext = field(default_factory=RequestContext, repr=False)

    def to_dict(self) -> dict[str, Any]:
        said = CustomRequestSchema().dump(self)
        return {name: value for name, value in said.items() if value is not None}

    def with_max_tokens(self, limit: int) -> "CustomRequest":
        return replace(self, max_tokens=limit)


class UsageSchema(Schema):
    prompt_tokens = fields.Integer(required=True)
    completion_tokens = fields.Integer(required=True)
    total_tokens = fields.Integer(required=True)

    @post_load
    def make(self, said: dict[str, int], **_: Any) -> Usage:
        return Usage(said["prompt_tokens"], said["completion_tokens"])


class ChoiceSchema(Schema):
    message = fields.Nested(MessageSchema, required=True)
    finish_reason = fields.String(allow_none=True)


@dataclass(frozen=True, slots=True)
class CustomResponse:
    """A whole answer."""

    id: str
    choices: list[dict[str, Any]]
    usage: Usage


class CustomResponseSchema(Schema):
    """A whole answer; what the upstream may say besides is left out."""

    id = fields.String(required=True)
    choices = fields.List(fields.Nested(ChoiceSchema, unknown=EXCLUDE), required=True)
    usage = fields.Nested(UsageSchema, required=True, unknown=EXCLUDE)

    @post_load
    def make(self, said: dict[str, Any], **_: Any) -> CustomResponse:
        return CustomResponse(**said)
