"""What we rely on in a chat request of Ollama's, and what a whole answer surely holds."""

from marshmallow import fields

from llmproxy.dialects.fields import BodySchema, Flag, Limit, Messages, Name


class OptionsSchema(BodySchema):
    num_predict = Limit(allow_none=True)


class ChatSchema(BodySchema):
    model = Name(required=True)
    messages = Messages(required=True, may_be_empty=True)  # it is how a model is loaded
    stream = Flag(allow_none=True)
    options = fields.Nested(OptionsSchema, allow_none=True)


class AnswerSchema(BodySchema):
    message = fields.Dict(required=True)
