"""Ollama, by its own API. https://docs.ollama.com/api"""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from llmproxy.providers.base import Provider
from llmproxy.providers.call import Call

PATHS = {"ollama.chat": "/api/chat", "ollama.embed": "/api/embed"}


def _check_duration(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValidationError('Must be a number of seconds, or a text like "10m".')


class OllamaOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    keep_alive = fields.Raw(validate=_check_duration)


class OllamaProvider(Provider):
    """Models of one's own. Nobody asks for a token on this machine; `token_env` names one where somebody does."""

    endpoints = PATHS
    default_base_url = "http://127.0.0.1:11434"
    models_path = "/api/tags"
    options_schema = OllamaOptions

    def payload(self, call: Call) -> Mapping[str, Any]:
        """How long the model stays loaded is the client's to say, if it wants to."""
        keep_alive = self.options.get("keep_alive")
        if keep_alive is None or call.body.get("keep_alive") is not None:
            return call.body
        return {**call.body, "keep_alive": keep_alive}
