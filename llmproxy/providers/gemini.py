"""Google's Gemini API. https://ai.google.dev/api"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from requests.auth import AuthBase

from llmproxy.dialects.gemini_count_tokens import WHOLE, GeminiCountTokensProvider
from llmproxy.dialects.gemini_generate.names import resource
from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call
from llmproxy.transport.auth import HeaderAuth

_MODEL = "{model}"
PATHS = {
    "gemini.generate": f"/models/{_MODEL}:generateContent",
    "gemini.count_tokens": f"/models/{_MODEL}:countTokens",
    "gemini.embed": f"/models/{_MODEL}:batchEmbedContents",
}


class GeminiProvider(Provider):
    """Gemini, by an API key.

    Attributes:
        models: Where Google's own models are, below the base URL.
        tuned: Of which kind the models are that are a user's own: `tunedModels/mine`.
    """

    models: ClassVar[str] = "/models"
    tuned: ClassVar[str] = "tunedModels"
    endpoints = PATHS
    default_base_url: ClassVar[str | None] = "https://generativelanguage.googleapis.com/v1beta"
    default_token_env: ClassVar[str | None] = "GEMINI_API_KEY"
    model_patterns: ClassVar[tuple[str, ...]] = ("gemini-*", "gemma-*", "learnlm-*")

    def payload(self, call: Call) -> Mapping[str, Any]:
        """The body; to be counted, a request that is more than its contents has to be said whole, its model too."""
        if not isinstance(call.dialect, GeminiCountTokensProvider) or call.body.keys() <= {"contents"}:
            return call.body
        return {WHOLE: {"model": resource(call.request.model), **call.body}}

    def url(self, call: Call) -> str:
        """The model stands in the path, as one segment whatever is in it; so does the form of the answer."""
        url, model = super().url(call), call.request.model.removeprefix("models/")
        kind, _, own = model.partition("/")
        if own and kind == self.tuned:
            url, model = url.replace(f"{self.models}/{_MODEL}", f"/{kind}/{_MODEL}"), own
        if call.stream:  # always as events: an array is one value, which could be read only at its end
            url = f"{url.replace(':generateContent', ':streamGenerateContent')}{'&' if '?' in url else '?'}alt=sse"
        return url.replace(_MODEL, quote(model, safe=""))

    def auth(self) -> AuthBase:
        """A header; Google takes the key in the query too, where it would end in logs."""
        return HeaderAuth("x-goog-api-key", self.token_provider)
