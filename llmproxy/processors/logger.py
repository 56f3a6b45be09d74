"""A line in the log for each request that passes, before it is sent."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from marshmallow import Schema, fields, validate

from llmproxy.core.estimate import estimate_tokens
from llmproxy.core.processor import Processor
from llmproxy.core.request import LLMRequest
from llmproxy.observability.logs import shown

log = logging.getLogger(__name__)

# Sizes, names and settings: never what was said.
FIELDS: dict[str, Callable[[LLMRequest], Any]] = {
    "client": lambda request: request.context.client,
    "dialect": lambda request: request.dialect,
    "max_tokens": lambda request: request.max_tokens,
    "messages": lambda request: len(request.messages),
    "model": lambda request: request.model,
    "route": lambda request: request.context.route,
    "stream": lambda request: request.stream,
    "tokens": lambda request: estimate_tokens(request.texts()),
}
DEFAULT_FIELDS = ("dialect", "model", "messages", "tokens", "max_tokens", "stream")


class LoggerOptions(Schema):
    """Keys of its own in `[processor.*]`."""

    names = fields.List(fields.String(validate=validate.OneOf(FIELDS)), data_key="fields", attribute="fields")


class LoggerProcessor(Processor):
    """Logs what is asked for, without a word of the prompt. `tokens` is an estimate."""

    options_schema = LoggerOptions

    def __init__(self, fields: Sequence[str] = DEFAULT_FIELDS) -> None:
        self.fields = tuple(fields)

    def process(self, request: LLMRequest) -> LLMRequest:
        values = {name: FIELDS[name](request) for name in self.fields}
        words = " ".join(f"{name}={shown(value)}" for name, value in values.items())
        extra = {f"asked_{name}": value for name, value in values.items()}
        log.info("request %s", words, extra={"request_id": request.context.id, **extra})
        return request
