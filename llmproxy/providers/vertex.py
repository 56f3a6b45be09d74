"""Gemini at Google's Vertex AI. https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, fields, validate
from requests.auth import AuthBase

from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import TokenProvider
from llmproxy.core.urls import StaticUrlProvider, UrlProvider
from llmproxy.providers.base import Provider, transport_settings
from llmproxy.providers.call import Call
from llmproxy.providers.gemini import GeminiProvider
from llmproxy.providers.google_tokens import GoogleTokens

_MODELS = "/publishers/google/models"
PATHS = {
    "gemini.generate": f"{_MODELS}/{{model}}:generateContent",
    "gemini.count_tokens": f"{_MODELS}/{{model}}:countTokens",
}
_GLOBAL = "global"
_CONTINENTS = ("eu", "us")


class VertexOptions(Schema):
    """Keys of its own in `[llm.*]`.

    `project`, `location`: whose models are asked, and where; together they make the base URL. `credentials_file`: a
    service account's key; left out, what the machine itself offers (Application Default Credentials).
    """

    project = fields.String(validate=validate.Regexp(r"[a-z0-9.:-]+\Z"))
    location = fields.String(validate=validate.Regexp(r"[a-z0-9-]+\Z"), load_default=_GLOBAL)
    credentials_file = fields.String(validate=validate.Length(min=1))


class VertexProvider(GeminiProvider):
    """Gemini in a project of Google Cloud's, by OAuth. A tuned model is that of an endpoint: `endpoints/1234`."""

    models = _MODELS
    tuned = "endpoints"
    endpoints = PATHS
    default_base_url = None
    default_token_env = None
    model_patterns = ()  # Google's names are GeminiProvider's
    options_schema = VertexOptions

    def payload(self, call: Call) -> Mapping[str, Any]:
        return call.body

    def auth(self) -> AuthBase:
        return Provider.auth(self)

    def _configured_token(self) -> TokenProvider:
        """The token that `token_env` names, else one that Google gives."""
        return super()._configured_token() or GoogleTokens(self._credentials_file(), transport_settings(self.config))

    def _credentials_file(self) -> Path | None:
        name = self.options.get("credentials_file")
        return (self.config.folder or Path()) / name if name else None

    def _configured_url(self) -> UrlProvider | None:
        if self.config.base_url:
            return super()._configured_url()
        project, location = self.options.get("project"), self.options["location"]
        if project is None:
            raise ConfigError(f'[llm.{self.name}] needs a project, as project = "my-project"')
        return StaticUrlProvider(f"https://{host(location)}/v1/projects/{project}/locations/{location}")


def host(location: str) -> str:
    """Who answers for a location (https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations)."""
    if location == _GLOBAL:
        return "aiplatform.googleapis.com"
    if location in _CONTINENTS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"
