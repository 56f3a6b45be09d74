"""What we rely on in a responses request, and what a whole answer surely holds."""

from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields

from llmproxy.dialects.fields import BodyField, BodySchema, Flag, Limit, Name


class Input(BodyField[Any]):
    """A text, or a list of items."""

    json_schema = MappingProxyType({
        "type": ["string", "array"],
        "items": {"type": "object", "properties": {"content": {"type": ["string", "array", "null"]}}},
    })  # fmt: skip

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, (str, list)):
            raise ValidationError("Must be a string or a list of items.")
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(item, dict):
                raise ValidationError({index: ["Must be an object."]})
            if not isinstance(item.get("content"), (str, list, type(None))):
                raise ValidationError({index: {"content": ["Must be a string, a list of parts, or null."]}})
        return value


class Instructions(BodyField[Any]):
    """A text, or, for stored prompts, a list of items."""

    json_schema = MappingProxyType({"type": ["string", "array"]})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, (str, list)):
            raise ValidationError("Must be a string or a list of items.")
        return value


class ResponsesSchema(BodySchema):
    model = Name(required=True)
    input = Input()
    instructions = Instructions(allow_none=True)
    stream = Flag(allow_none=True)
    max_output_tokens = Limit(allow_none=True)


class AnswerSchema(BodySchema):
    output = fields.List(fields.Dict(), required=True)
