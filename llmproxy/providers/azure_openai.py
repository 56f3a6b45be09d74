"""Azure OpenAI. https://learn.microsoft.com/azure/foundry/openai/reference"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from marshmallow import Schema, fields, validate
from requests.auth import AuthBase

from llmproxy.config.models import ProviderConfig
from llmproxy.core.tokens import TokenProvider
from llmproxy.providers.base import transport_settings
from llmproxy.providers.call import Call
from llmproxy.providers.entra import SECRET, ClientCredentials
from llmproxy.providers.openai import OpenAIProvider
from llmproxy.transport.auth import HeaderAuth

# What a deployment has at a path of its own; responses have one for the whole resource.
_OF_DEPLOYMENTS = ("openai.chat", "openai.completions", "openai.embeddings")

# The model inference API, https://RES.services.ai.azure.com/models, has had no later version.
_INFERENCE = "/models"
_INFERENCE_VERSION = "2024-05-01-preview"

# Earlier versions refuse the member `stream_options`.
_KNOWS_STREAM_OPTIONS = "2024-09-01"


class AzureOptions(Schema):
    """Keys of its own in `[llm.*]`.

    `api_version`: a date asks each deployment at its own path, as long as Azure keeps that version; left out, the v1
    API is asked, which has none. `deployments`: what a model's deployment is called, where it is not the model's name.
    `entra`: the token is one of Entra's and goes as a bearer token; without `token_env` it is fetched for
    AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
    """

    api_version = fields.String(validate=validate.Regexp(r"[A-Za-z0-9.-]+\Z"))
    deployments = fields.Dict(keys=fields.String(), values=fields.String(validate=validate.Length(min=1)))
    entra = fields.Boolean(load_default=False)


class AzureOpenAIProvider(OpenAIProvider):
    """A resource of Azure OpenAI, or of Azure AI Foundry, with the deployments in it."""

    default_base_url = None
    default_token_env = "AZURE_OPENAI_API_KEY"
    models_path = "/openai/v1/models"
    model_patterns: ClassVar[tuple[str, ...]] = ()  # a deployment may have any name, and OpenAI's are OpenAI's
    options_schema = AzureOptions

    def __init__(self, config: ProviderConfig | None = None, **providers: Any) -> None:
        super().__init__(config, **providers)
        version = self.options.get("api_version")
        self.asks_usage = self._infers() or version is None or version >= _KNOWS_STREAM_OPTIONS

    @classmethod
    def token_env_for(cls, options: Mapping[str, Any]) -> str | None:
        return SECRET if options.get("entra") else cls.default_token_env

    def token_from(self, variable: str) -> TokenProvider:
        if self.options["entra"] and variable == SECRET:
            return ClientCredentials(self.config.environment, transport_settings(self.config))
        return super().token_from(variable)

    def spoken(self) -> tuple[str, ...]:
        return ("openai.chat", "openai.embeddings") if self._infers() else super().spoken()

    def payload(self, call: Call) -> Mapping[str, Any]:
        return {**super().payload(call), "model": self._deployment(call)}

    def url(self, call: Call) -> str:
        dialect = call.dialect.name
        if dialect in self.config.paths:
            return super().url(call)
        version = self.options.get("api_version") or (_INFERENCE_VERSION if self._infers() else "")
        resource = call.base_url.removesuffix("/openai/v1").removesuffix("/openai")
        query = f"?api-version={version}" if version else ""
        return f"{resource}{self._way(call)}{self.endpoints[dialect]}{query}"

    def auth(self) -> AuthBase:
        if self.options["entra"]:
            return super().auth()
        return HeaderAuth("api-key", self.token_provider)

    def _way(self, call: Call) -> str:
        """What stands between the resource and the dialect's own path."""
        if self._infers():
            return ""
        if not self.options.get("api_version", "")[:1].isdigit():  # none, or the v1 API's "preview"
            return "/openai/v1"
        if call.dialect.name in _OF_DEPLOYMENTS:
            return f"/openai/deployments/{quote(self._deployment(call), safe='')}"
        return "/openai"

    def _deployment(self, call: Call) -> str:
        model = call.request.model
        name: str = self.options.get("deployments", {}).get(model, model)
        return name

    def _infers(self) -> bool:
        """Whether the base URL is that of the model inference API."""
        return self.url_provider is not None and self.url_provider.get_url().endswith(_INFERENCE)
