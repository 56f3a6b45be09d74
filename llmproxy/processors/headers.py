"""Headers towards the upstream."""

from collections.abc import Mapping, Sequence

from marshmallow import Schema, ValidationError, fields

from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest

# What carries the token or the framing is not a processor's to change.
RESERVED = frozenset({
    "authorization", "connection", "content-encoding", "content-length", "content-type", "accept-encoding", "host",
    "transfer-encoding",
})  # fmt: skip


def check_name(name: str) -> None:
    """Refuses a header name that is reserved, or none at all."""
    if name.lower() in RESERVED:
        raise ValidationError(f"{name!r} cannot be set here.")
    if not name or not all(char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in name):
        raise ValidationError(f"{name!r} is not a header name.")


def check_value(value: str) -> None:
    """Refuses a value that would end the header's line."""
    if not (value.isascii() and value.isprintable()):
        raise ValidationError("Must be printable ASCII.")


class HeadersOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    set = fields.Dict(keys=fields.String(validate=check_name), values=fields.String(validate=check_value))
    remove = fields.List(fields.String(validate=check_name))


class HeadersProcessor(Processor):
    """Sets and removes headers of the upstream request, after those of `[llm.*] headers`."""

    options_schema = HeadersOptions

    def __init__(self, set: Mapping[str, str] | None = None, remove: Sequence[str] = ()) -> None:
        self.edits: dict[str, str | None] = {**dict.fromkeys(remove), **(set or {})}

    def process(self, request: LLMRequest) -> LLMRequest:
        return request.with_headers(self.edits)
