"""Schema fields that check what we rely on and no more. They never convert: a string like a number is none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from marshmallow import INCLUDE, Schema, ValidationError, fields

T = TypeVar("T")


class BodySchema(Schema):
    """A body whose unknown members pass unread.

    Attributes:
        json_schema: In JSON Schema, what it checks besides its fields.
    """

    json_schema: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    class Meta:
        unknown = INCLUDE


class BodyField(fields.Field[T]):
    """A field that says twice what it lets pass: to Python and, for the description of our API, in JSON Schema.

    Attributes:
        json_schema: What it lets pass besides null. It says a `type`.
    """

    json_schema: Mapping[str, Any]


class Flag(BodyField[bool]):
    """true or false."""

    json_schema = MappingProxyType({"type": "boolean"})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Limit(BodyField[int]):
    """A whole number. Which of them make sense is the upstream's to say, in its own words."""

    json_schema = MappingProxyType({"type": "integer"})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Must be a whole number.")
        return value


class Name(BodyField[str]):
    """A string that is not empty."""

    json_schema = MappingProxyType({"type": "string", "minLength": 1})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValidationError("Must be a string that is not empty.")
        return value


class Messages(BodyField[list[Any]]):
    """A conversation. Checked in one plain loop: a nested schema for each message costs a millisecond for 200 of them.

    Args:
        need_role: Whether each message must say its role.
        may_be_empty: Whether a conversation without messages asks for something.
    """

    def __init__(self, *, need_role: bool = True, may_be_empty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._need_role = need_role
        self._may_be_empty = may_be_empty
        role = {"type": "string" if need_role else ["string", "null"], "minLength": 1}
        content = {"type": ["string", "array", "null"], "items": {"type": ["object", "string"]}}
        message = {"type": "object", "properties": {"role": role, "content": content}}
        self.json_schema = {
            "type": "array",
            "minItems": 0 if may_be_empty else 1,
            "items": {**message, "required": ["role"]} if need_role else message,
        }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list) or not (value or self._may_be_empty):
            raise ValidationError("Must be a list." if self._may_be_empty else "Must be a list that is not empty.")
        for index, message in enumerate(value):
            problem = self._problem(message)
            if problem:
                raise ValidationError({index: problem})
        return value

    def _problem(self, message: Any) -> Any:
        if not isinstance(message, dict):
            return ["Must be an object."]
        role = message.get("role")
        if not (isinstance(role, str) and role) and (self._need_role or role is not None):
            return {"role": ["Must be a string that is not empty."]}
        content = message.get("content")
        if content is not None and not isinstance(content, (str, list)):
            return {"content": ["Must be a string, a list of parts, or null."]}
        for index, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, (dict, str)):
                return {"content": {index: ["Must be an object."]}}
        return None
