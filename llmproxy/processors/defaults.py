"""Values for what the client leaves out."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest


class DefaultsOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    params = fields.Dict(keys=fields.String(), required=True)


class DefaultsProcessor(Processor):
    """Adds members of the body where the client wrote none (or null): in the words of OpenAI's chat, whatever the
    client speaks."""

    options_schema = DefaultsOptions

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def process(self, request: LLMRequest) -> LLMRequest:
        return request.with_defaults(self.params)
