"""What we rely on in a generateContent request, in either spelling, and what a whole answer surely holds."""

from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields

from llmproxy.dialects.fields import BodyField, BodySchema, Limit
from llmproxy.dialects.gemini_generate.names import several

# In JSON Schema, a content; its one part may stand without the brackets, as a single content may.
_PART = {"text": {"type": ["string", "null"]}}
_CONTENT = {
    "role": {"type": ["string", "null"]},
    "parts": {
        "type": ["array", "object", "null"],
        "items": {"type": "object", "properties": _PART},
        "properties": _PART,
    },
}


class Contents(BodyField[list[Any]]):
    """A conversation: contents with roles and parts."""

    json_schema = MappingProxyType({
        "type": ["array", "object"],
        "minItems": 1,
        "items": {"type": "object", "properties": _CONTENT},
        "minProperties": 1,
        "properties": _CONTENT,
    })  # fmt: skip

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not value or not isinstance(value, (list, dict)):
            raise ValidationError("Must be a list that is not empty.")
        for index, content in enumerate(several(value)):
            problem = content_problem(content)
            if problem:
                raise ValidationError({index: problem})
        return several(value)


class Content(BodyField[dict[str, Any]]):
    """One content, as the system instruction is."""

    json_schema = MappingProxyType({"type": "object", "properties": _CONTENT})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        problem = content_problem(value)
        if problem:
            raise ValidationError(problem)
        checked: dict[str, Any] = value
        return checked


def content_problem(content: Any) -> Any:
    """What is wrong with a content, or None."""
    if not isinstance(content, dict):
        return ["Must be an object."]
    role, parts = content.get("role"), content.get("parts")
    if role is not None and not isinstance(role, str):
        return {"role": ["Must be a string."]}
    if parts is not None and not isinstance(parts, (list, dict)):
        return {"parts": ["Must be a list."]}
    for index, part in enumerate(several(parts)):
        if not isinstance(part, dict):
            return {"parts": {index: ["Must be an object."]}}
        if part.get("text") is not None and not isinstance(part["text"], str):
            return {"parts": {index: {"text": ["Must be a string."]}}}
    return None


class ConfigSchema(BodySchema):
    maxOutputTokens = Limit(allow_none=True)
    max_output_tokens = Limit(allow_none=True)


class GenerateSchema(BodySchema):
    contents = Contents(required=True)
    systemInstruction = Content(allow_none=True)
    system_instruction = Content(allow_none=True)
    generationConfig = fields.Nested(ConfigSchema, allow_none=True)
    generation_config = fields.Nested(ConfigSchema, allow_none=True)


class AnswerSchema(BodySchema):
    candidates = fields.List(fields.Dict())  # none of a prompt that was blocked
