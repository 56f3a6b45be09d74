"""A system prompt of the operator's."""

from marshmallow import Schema, fields, validate

from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest

POSITIONS = ("before", "after", "replace")


class SystemPromptOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    text = fields.String(required=True, validate=validate.Length(min=1))
    position = fields.String(validate=validate.OneOf(POSITIONS))


class SystemPromptProcessor(Processor):
    """Puts a text before or after the client's system prompt, or in its place.

    The text is used as it is typed: nothing in it is filled in.
    """

    options_schema = SystemPromptOptions

    def __init__(self, text: str, position: str = "before") -> None:
        self.text = text
        self.position = position

    def process(self, request: LLMRequest) -> LLMRequest:
        return request.with_system_prompt(self.text, self.position)
