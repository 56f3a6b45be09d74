"""What we rely on in an embeddings request, and what a whole answer surely holds."""

from marshmallow import fields

from llmproxy.dialects.fields import BodySchema, Name


class EmbeddingsSchema(BodySchema):
    model = Name(required=True)
    input = fields.Raw(required=True)


class AnswerSchema(BodySchema):
    data = fields.List(fields.Dict(), required=True)
