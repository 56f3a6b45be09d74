"""Amazon Bedrock. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from marshmallow import Schema, fields, validate
from requests.auth import AuthBase

from llmproxy.core.errors import ConfigError
from llmproxy.core.request import LLMRequest
from llmproxy.core.tokens import EnvTokenProvider, TokenProvider
from llmproxy.core.urls import StaticUrlProvider, UrlProvider
from llmproxy.dialects.base import ProviderDialect
from llmproxy.dialects.bedrock_converse import BedrockConverseProvider
from llmproxy.dialects.bedrock_converse.traits import traits_of
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider
from llmproxy.dialects.bedrock_invoke_anthropic.request import REFUSED, write_body
from llmproxy.dialects.embeddings.bedrock import BedrockCohereEmbedProvider, TitanEmbedProvider
from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call
from llmproxy.transport.auth import BearerAuth
from llmproxy.transport.sigv4 import CredentialSource, SigV4Auth

SERVICE = "bedrock"  # as signatures name it
API_KEY = "AWS_BEARER_TOKEN_BEDROCK"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_MODEL = "{model}"
_INVOKE = f"/model/{_MODEL}/invoke"
PATHS = {
    BedrockConverseProvider.name: f"/model/{_MODEL}/converse",
    BedrockInvokeAnthropicProvider.name: _INVOKE,
    TitanEmbedProvider.name: _INVOKE,
    BedrockCohereEmbedProvider.name: _INVOKE,
}
_STREAMED = {"converse": "converse-stream", "invoke": "invoke-with-response-stream"}

# bedrock-runtime.us-east-1.amazonaws.com, vpce-0a1b.bedrock-runtime.us-east-1.vpce.amazonaws.com
_REGION_IN_HOST = re.compile(r"\bbedrock-runtime(?:-fips)?\.([a-z]+(?:-[a-z]+)+-\d+)\.")

_BETA = "anthropic-beta"


class BedrockOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    region = fields.String(validate=validate.Regexp(r"[a-z0-9-]+\Z"))
    profile = fields.String(validate=validate.Length(min=1))


class BedrockProvider(Provider):
    """The models that Bedrock runs, by Converse; Claude's by Anthropic's own messages where the client speaks them.

    Requests are signed with AWS credentials, unless there is an API key of Bedrock's.
    """

    endpoints = PATHS
    model_patterns = (
        "ai21.*", "amazon.*", "anthropic.*", "arn:aws*:bedrock:*", "cohere.*", "deepseek.*", "google.*", "meta.*",
        "mistral.*", "nvidia.*", "openai.*", "qwen.*", "zai.*", "apac.*.*", "eu.*.*", "global.*.*", "us.*.*",
    )  # fmt: skip
    options_schema = BedrockOptions

    def payload(self, call: Call) -> Mapping[str, Any]:
        if not isinstance(call.dialect, BedrockInvokeAnthropicProvider):
            return call.body
        call.attempt.dropped = (*call.dropped, *self.losing(tuple(name for name in REFUSED if name in call.body)))
        return write_body(call.body, super().headers(call).get(_BETA, ""))

    def url(self, call: Call) -> str:
        """The model stands in the path, encoded as one segment whatever is in it; so does the stream."""
        head, _, method = super().url(call).replace(_MODEL, quote(call.request.model, safe="")).rpartition("/")
        return f"{head}/{_STREAMED.get(method, method) if call.stream else method}"

    def headers(self, call: Call) -> dict[str, str]:
        """The headers without those of Anthropic's, which stand in the body here."""
        headers = super().headers(call)
        return {name: value for name, value in headers.items() if not name.lower().startswith("anthropic-")}

    def auth(self) -> AuthBase:
        if self.token_provider:
            return BearerAuth(self.token_provider)
        return SigV4Auth(self._credentials(), self._region(), SERVICE)

    def dialect(self, name: str) -> ProviderDialect:
        if name == BedrockInvokeAnthropicProvider.name:
            return BedrockInvokeAnthropicProvider()
        return super().dialect(name)

    def _dialect_for(self, request: LLMRequest) -> ProviderDialect:
        """What the model understands: embeddings and Anthropic's messages are not for all."""
        if request.purpose == "embeddings":
            name = BedrockCohereEmbedProvider.name if "cohere" in request.model else TitanEmbedProvider.name
            return self._dialects[name]
        if request.dialect == BedrockInvokeAnthropicProvider.name and not traits_of(request.model).claude:
            return self._dialects[BedrockConverseProvider.name]
        return super()._dialect_for(request)

    def _configured_token(self) -> TokenProvider | None:
        """The key that `token_env` names, or that of Bedrock's own variable; None leaves it to signatures."""
        configured = super()._configured_token()
        if configured or self.options.get("profile") or not self.config.environment.get(API_KEY):
            return configured
        return EnvTokenProvider(API_KEY, self.config.environment)

    def _configured_url(self) -> UrlProvider | None:
        if self.config.base_url:
            return super()._configured_url()
        return StaticUrlProvider(f"https://bedrock-runtime.{self._region()}.amazonaws.com")

    def _region(self) -> str:
        """The region that is asked, by whoever names one: the options, the base URL, the environment, the profile."""
        in_host = _REGION_IN_HOST.search(self.config.base_url or "")
        variables = (self.config.environment.get(name) for name in REGIONS)
        named = self.options.get("region") or (in_host and in_host[1]) or next(filter(None, variables), None)
        region: str | None = named or self._credentials().region()
        if region is None:
            raise ConfigError(f'[llm.{self.name}] needs a region, as region = "us-east-1" or in {REGIONS[0]}')
        return region

    def _credentials(self) -> CredentialSource:
        return CredentialSource(self.options.get("profile"), self.config.environment)
