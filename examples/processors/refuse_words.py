"""Refuses prompts that hold a word of a list."""

import re
from collections.abc import Sequence

from marshmallow import Schema, fields, validate

from llmproxy import LLMRequest, Processor, RequestRefused

SOME = validate.Length(min=1)


class RefuseWordsOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    words = fields.List(fields.String(validate=SOME), required=True, validate=SOME)
    message = fields.String()


class RefuseWords(Processor):
    """Refuses a request if one of the words is anywhere in its prompt, in capitals or not, as a word of its own.

    Args:
        words: What must not be there.
        message: What the client is told.
    """

    options_schema = RefuseWordsOptions

    def __init__(self, words: Sequence[str], message: str = "This prompt is not for a model.") -> None:
        self.message = message
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)

    def process(self, request: LLMRequest) -> LLMRequest:
        if any(self._pattern.search(text) for text in request.texts()):
            raise RequestRefused(self.message)
        return request
