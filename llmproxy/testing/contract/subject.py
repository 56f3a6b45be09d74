"""What is checked: a provider class, and as much as its author has to say of its upstream."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from llmproxy.config.models import ProviderConfig, Timeouts
from llmproxy.core.client import LLMClient
from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import Environment
from llmproxy.providers.base import Provider
from llmproxy.testing.words import WORDS, Words
from llmproxy.testing.words.base import nothing

TOKEN_ENV = "CONTRACT_TOKEN"
TOKEN = "test-token"
MODEL = "model-of-the-contract"

_PATIENT = Timeouts(connect_secs=5, first_event_secs=20, idle_secs=20, progress_secs=20, total_secs=60)


class TokenHeader(NamedTuple):
    """The header in which the upstream wants the token, and what it holds then."""

    name: str
    value: str


@dataclass(frozen=True, eq=False)
class Subject:
    """A provider to be checked.

    Args:
        provider_class: Its class.
        name: What it is called in a report. Empty: as its class.
        token_header: Where its upstream wants the token. None: in any one header.
        options: Its own keys of `[llm.*]`.
        settings: Other keys of that table, as `ProviderConfig` has them.
        words: What its upstream says. None: those of the first of its dialects that is known, if there is one.
        expected_body: What it makes of the plainest question. None: only what was asked is looked for.
        model: The name by which the upstream knows its model.
    """

    provider_class: type[LLMClient]
    name: str = ""
    token_header: TokenHeader | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    words: Words | None = None
    expected_body: Any = None
    model: str = MODEL

    @property
    def token(self) -> str:
        """The token it is given: the last word of its header."""
        return self.token_header.value.rpartition(" ")[2] if self.token_header else TOKEN

    def make(self, base_url: str, **settings: Any) -> LLMClient:
        """The provider, with its upstream at this URL; `settings` are further fields of `ProviderConfig`.

        Raises:
            ConfigError: It cannot be made so.
        """
        from_config = getattr(self.provider_class, "from_config", None)
        if from_config is None:
            raise ConfigError(f"{self.provider_class.__name__} has no from_config: no [llm.*] table can make it")
        standard = {
            "name": "checked",
            "base_url": base_url,
            "token_env": TOKEN_ENV,
            "max_retries": 0,
            "max_parallel": 64,  # a pool of connections is filled when it is made, and there are many providers here
            "options": self.options,
            "timeouts": _PATIENT,
            "environment": Environment((), {TOKEN_ENV: self.token}),
        }
        provider: LLMClient = from_config(ProviderConfig(**{**standard, **self.settings, **settings}))
        return provider

    def words_for(self, provider: LLMClient) -> Words | None:
        """What the upstream says, in the dialect that is spoken with it."""
        words = self.words or next((WORDS[name] for name in spoken_by(provider) if name in WORDS), None)
        if words is not None and not self.settings.get("supports_streaming", True):
            return replace(words, say=nothing, events=())
        return words


def spoken_by(provider: LLMClient) -> tuple[str, ...]:
    """The dialects that it speaks with its upstream; none where it has words of its own."""
    return provider.spoken() if isinstance(provider, Provider) else ()
