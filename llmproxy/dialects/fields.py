"""Schema fields that check what we rely on and no more. They never convert: a string like a number is none."""

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields


class BodySchema(Schema):
    """A body whose unknown members pass unread."""

    class Meta:
        unknown = INCLUDE


class Flag(fields.Field[bool]):
    """true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class Limit(fields.Field[int]):
    """A whole number. Which of them make sense is the upstream's to say, in its own words."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Must be a whole number.")
        return value


class Name(fields.Field[str]):
    """A string that is not empty."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValidationError("Must be a string that is not empty.")
        return value


class Messages(fields.Field[list[Any]]):
    """A conversation. Checked in one plain loop: a nested schema for each message costs a millisecond for 200 of them.

    Args:
        kinds: What `content` may be.
        need_role: Whether each message must say its role.
        may_be_empty: Whether a conversation without messages asks for something.
    """

    def __init__(self, *, need_role: bool = True, may_be_empty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._need_role = need_role
        self._may_be_empty = may_be_empty

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
