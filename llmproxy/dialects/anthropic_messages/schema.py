"""What we rely on in a messages request, and what a whole answer surely holds."""

from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields

from llmproxy.dialects.fields import BodyField, BodySchema, Flag, Limit, Messages, Name


class SystemPrompt(BodyField[Any]):
    """A text, or a list of blocks."""

    json_schema = MappingProxyType({"type": ["string", "array"], "items": {"type": "object"}})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        blocks = value if isinstance(value, list) else None
        if not isinstance(value, str) and (blocks is None or not all(isinstance(block, dict) for block in blocks)):
            raise ValidationError("Must be a string or a list of objects.")
        return value


class MessagesSchema(BodySchema):
    model = Name(required=True)
    messages = Messages(required=True)
    system = SystemPrompt(allow_none=True)
    stream = Flag(allow_none=True)
    max_tokens = Limit(allow_none=True)


class AnswerSchema(BodySchema):
    content = fields.List(fields.Dict(), required=True)
