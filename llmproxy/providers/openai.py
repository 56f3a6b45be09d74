"""OpenAI. https://platform.openai.com/docs/api-reference"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from llmproxy.config.addresses import same_place
from llmproxy.dialects.base import JSONRequest, ProviderDialect
from llmproxy.dialects.openai_chat import OpenAIChatProvider
from llmproxy.dialects.openai_chat.parts import THOUGHT_MEMBERS
from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call

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
        takes_thoughts: Whether it takes the thoughts of earlier turns back as `reasoning_content`.
    """

    endpoints = PATHS
    dialects: ClassVar[tuple[str, ...]] = tuple(SHORT_NAMES)
    takes_thoughts: ClassVar[bool] = False
    default_base_url: ClassVar[str | None] = "https://api.openai.com/v1"
    default_token_env = "OPENAI_API_KEY"
    model_patterns: ClassVar[tuple[str, ...]] = (
        "gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*", "text-embedding-*", "davinci-*", "babbage-*",
    )  # fmt: skip
    options_schema: ClassVar[type[Schema]] = OpenAIOptions

    def spoken(self) -> tuple[str, ...]:
        names = [SHORT_NAMES[name] for name in self.options.get("dialects", self.dialects)]
        return tuple(name for name in names if name in self.endpoints or name in self.config.paths)

    def dialect(self, name: str) -> ProviderDialect:
        if name == OpenAIChatProvider.name:
            return OpenAIChatProvider(thinking=self.takes_thoughts)
        return super().dialect(name)

    @cached_property
    def refuses_thoughts(self) -> bool:
        """Whether messages that hold thoughts are refused, as OpenAI itself does; of other hosts nobody knows."""
        return not self.takes_thoughts and is_at_home(self)

    def payload(self, call: Call) -> Mapping[str, Any]:
        body = dict(call.body)
        request = call.request
        if call.dialect.name == OpenAIChatProvider.name and self.refuses_thoughts:
            body["messages"] = [without_thoughts(message) for message in body["messages"]]
        if not _named_by_client(call) and "max_tokens" in body and _REASONING_MODELS.match(request.model):
            body["max_completion_tokens"] = body.pop("max_tokens")
        return body

    def own_headers(self) -> dict[str, str]:
        headers = super().own_headers()
        if organization := self.options.get("organization"):
            headers["OpenAI-Organization"] = organization
        if project := self.options.get("project"):
            headers["OpenAI-Project"] = project
        return headers


def is_at_home(provider: Provider) -> bool:
    """Whether it is asked at its vendor's own address."""
    url, home = provider.config.base_url, provider.default_base_url
    return url is None or (home is not None and same_place(url, home))


def without_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    """The message without the members that bring earlier thoughts and their signatures back."""
    calls = message.get("tool_calls")
    if not calls and not any(name in message for name in THOUGHT_MEMBERS):
        return message
    kept = {name: value for name, value in message.items() if name not in THOUGHT_MEMBERS}
    if isinstance(calls, list):
        kept["tool_calls"] = [_without_signature(call) for call in calls]
    return kept


def _without_signature(call: Any) -> Any:
    """The call without its signature; what is no call is for OpenAI to refuse."""
    return {name: value for name, value in call.items() if name != "extra_content"} if isinstance(call, dict) else call


def _named_by_client(call: Call) -> bool:
    """Whether `max_tokens` is the client's own word, rather than a processor's or a translation's."""
    request = call.request
    return isinstance(request, JSONRequest) and request.dialect == call.dialect.name and request.asked_for("max_tokens")
