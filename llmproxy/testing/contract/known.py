"""What the authors of the built-in providers have to say of them."""

from pathlib import Path
from typing import Any

from llmproxy.core.client import LLMClient
from llmproxy.testing.contract.subject import TOKEN, Subject, TokenHeader

_BEARER = TokenHeader("Authorization", f"Bearer {TOKEN}")

# Everybody else wants a bearer token.
_HEADERS = {
    "anthropic": TokenHeader("x-api-key", TOKEN),
    "azure_openai": TokenHeader("api-key", TOKEN),
    "gemini": TokenHeader("x-goog-api-key", TOKEN),
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "bedrock": {"region": "us-east-1"},
    "replay": {"files": [str(Path(__file__).with_name("recorded.jsonl"))]},
}


def built_in(name: str, provider_class: type[LLMClient]) -> Subject:
    """The subject that a provider of this name is; of those that are not ours nothing is known but the class."""
    ours = provider_class.__module__.startswith("llmproxy.providers.")
    header = _HEADERS.get(name, _BEARER) if ours else None
    return Subject(provider_class, name=name, token_header=header, options=_OPTIONS.get(name, {}))
