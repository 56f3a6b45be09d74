"""What an upstream said, without what is ours in it."""

from typing import Any
from urllib.parse import urlsplit

from llmproxy.core.errors import LLMProxyError, ProviderRejected
from llmproxy.transport.auth import UpstreamRequest

_REDACTED = "[redacted]"
_REDACTED_DEPTH = 4


def redact(error: LLMProxyError, request: UpstreamRequest) -> None:
    """Takes the token and the upstream's host out of what an upstream said: it may repeat both."""
    secrets = [secret for secret in (request.secret, urlsplit(request.url or "").hostname) if secret]

    def clean(value: Any, depth: int = _REDACTED_DEPTH) -> Any:
        if isinstance(value, dict) and depth:
            return {clean(name): clean(member, depth - 1) for name, member in value.items()}
        if not isinstance(value, str):  # a number may be a code; a list or a float is none, and may hold anything
            return value if isinstance(value, int) else None
        for secret in secrets:
            value = value.replace(secret, _REDACTED)
        return value

    if isinstance(error, ProviderRejected):
        error.message = clean(error.message)
        error.args = (error.message,)
        error.upstream = {name: clean(value) for name, value in (error.upstream or {}).items()} or None
    error.detail = error.detail and error.detail.replace(request.secret or _REDACTED, _REDACTED)
