"""OpenAI. https://platform.openai.com/docs/api-reference"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from llmproxy.dialects.base import JSONRequest
from llmproxy.providers.base import Call, Provider

PATHS = {
    "openai.chat": "/chat/completions",
    "openai.responses": "/responses",
    "openai.completions": "/completions",
    "openai.embeddings": "/embeddings",
}
SHORT_NAMES = {name.removeprefix("openai."): name for name in PATHS}

# "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
_REASONING_MODELS = re.compile(r"(o\d|gpt-5)")


class OpenAIOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    dialects = fields.List(fields.String(validate=validate.OneOf(SHORT_NAMES)), validate=validate.Length(min=1))
    organization = fields.String()
    project = fields.String()


class OpenAIProvider(Provider):
    """OpenAI, or any host that speaks its dialects.

    Attributes:
        dialects: Which of them this host has, by their short names, the preferred one first.
    """

    endpoints = PATHS
    dialects: ClassVar[tuple[str, ...]] = tuple(SHORT_NAMES)
    default_base_url = "https://api.openai.com/v1"
    default_token_env = "OPENAI_API_KEY"
    model_patterns = (
        "gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*", "text-embedding-*", "davinci-*", "babbage-*",
    )  # fmt: skip
    options_schema = OpenAIOptions

    def spoken(self) -> tuple[str, ...]:
        names = [SHORT_NAMES[name] for name in self.options.get("dialects", self.dialects)]
        return tuple(name for name in names if name in self.endpoints or name in self.config.paths)

    def payload(self, call: Call) -> Mapping[str, Any]:
        body = dict(call.body)
        request = call.request
        if not _named_by_client(call) and "max_tokens" in body and _REASONING_MODELS.match(request.model):
            body["max_completion_tokens"] = body.pop("max_tokens")
        return body

    def headers(self, call: Call) -> dict[str, str]:
        headers = super().headers(call)
        if organization := self.options.get("organization"):
            headers["OpenAI-Organization"] = organization
        if project := self.options.get("project"):
            headers["OpenAI-Project"] = project
        return headers


def _named_by_client(call: Call) -> bool:
    """Whether `max_tokens` is the client's own word, rather than a processor's or a translation's."""
    request = call.request
    return isinstance(request, JSONRequest) and request.dialect == call.dialect.name and request.asked_for("max_tokens")
