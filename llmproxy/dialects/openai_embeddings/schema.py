"""What we rely on in an embeddings request."""

from marshmallow import fields

from llmproxy.dialects.fields import BodySchema, Name


class EmbeddingsSchema(BodySchema):
    model = Name(required=True)
    input = fields.Raw(required=True)
