"""What we rely on in a completions request."""

from marshmallow import fields

from llmproxy.dialects.fields import BodySchema, Flag, Limit, Name
from llmproxy.dialects.openai_chat.schema import StreamOptionsSchema


class CompletionsSchema(BodySchema):
    model = Name(required=True)
    stream = Flag(allow_none=True)
    stream_options = fields.Nested(StreamOptionsSchema, allow_none=True)
    max_tokens = Limit(allow_none=True)
