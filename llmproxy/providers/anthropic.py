"""Anthropic. https://platform.claude.com/docs/en/api/overview"""

from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields
from requests.auth import AuthBase

from llmproxy.core.urls import StaticUrlProvider, UrlProvider
from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call
from llmproxy.transport.auth import HeaderAuth

PATHS = {"anthropic.messages": "/messages", "anthropic.count_tokens": "/messages/count_tokens"}
VERSION, BETA = "anthropic-version", "anthropic-beta"


class Names(fields.Field[list[str]]):
    """A name, several in one text with commas between them, or a list."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        if isinstance(value, str):
            return split(value)
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ValidationError("Must be a string or a list of strings.")
        return value


class AnthropicOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    version = fields.String(load_default="2023-06-01")
    beta = Names(load_default=list)


class AnthropicProvider(Provider):
    """Anthropic, or any host that speaks its messages."""

    endpoints = PATHS
    default_base_url = "https://api.anthropic.com/v1"
    default_token_env = "ANTHROPIC_API_KEY"
    model_patterns = ("claude-*",)
    options_schema = AnthropicOptions

    def own_headers(self) -> dict[str, str]:
        return {VERSION: self.options["version"]}

    def headers(self, call: Call) -> dict[str, str]:
        """The configured betas join those that the client asks for; of two versions the client's counts."""
        headers = super().headers(call)
        betas = dict.fromkeys([*self.options["beta"], *split(headers.get(BETA, ""))])
        return {**headers, BETA: ",".join(betas)} if betas else headers

    def auth(self) -> AuthBase:
        return HeaderAuth("x-api-key", self.token_provider)

    def _configured_url(self) -> UrlProvider | None:
        """A base URL without a path is that of the host, to which the version is added."""
        url = self.config.base_url
        if url is None or urlsplit(url).path.strip("/"):
            return super()._configured_url()
        return StaticUrlProvider(url.rstrip("/") + "/v1")


def split(names: str) -> list[str]:
    """The names in a text with commas between them."""
    return [name.strip() for name in names.split(",") if name.strip()]
