"""What we rely on in a chat completions request, and what a whole answer surely holds."""

from marshmallow import fields

from llmproxy.dialects.fields import BodySchema, Flag, Limit, Messages, Name


class StreamOptionsSchema(BodySchema):
    include_usage = Flag(allow_none=True)


class ChatSchema(BodySchema):
    model = Name(required=True)
    messages = Messages(required=True)
    stream = Flag(allow_none=True)
    stream_options = fields.Nested(StreamOptionsSchema, allow_none=True)
    max_tokens = Limit(allow_none=True)
    max_completion_tokens = Limit(allow_none=True)


class AnswerSchema(BodySchema):
    choices = fields.List(fields.Dict(), required=True)
