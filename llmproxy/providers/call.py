"""One attempt as a provider's hooks see it, and what is left out of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmproxy.core.chat import Chat, foreign
from llmproxy.core.context import Attempt
from llmproxy.core.embedding import Embedding
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.base import ClientDialect, ProviderDialect


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, as the hooks see it.

    Attributes:
        request: What the client asked for.
        dialect: What is spoken with the upstream in this attempt.
        body: The body in that dialect. It is shared with every other attempt: a hook that changes it returns a copy,
            and copies what it changes within.
        stream: Whether the upstream is asked for a stream.
        attempt: The record of this attempt.
        dropped: The client's members that the dialect cannot say.
        base_url: Where the upstream is, asked once for the whole attempt; empty without a URL provider.
    """

    request: LLMRequest
    dialect: ProviderDialect
    body: Mapping[str, Any]
    stream: bool
    attempt: Attempt
    dropped: tuple[str, ...] = ()
    base_url: str = ""


def dropped_members(
    request: LLMRequest, dialect: ProviderDialect, lost: Iterable[str], asked: Chat | Embedding
) -> tuple[str, ...]:
    """What could not be said, by the client's names: what the dialect has lost, and what only the client's knows."""
    client = request.client_dialect
    names = client.member_names if isinstance(client, ClientDialect) else {}
    immaterial = client.immaterial if isinstance(client, ClientDialect) else frozenset()
    own = [names.get(name, name) for name in lost]
    return tuple(name for name in dict.fromkeys([*own, *foreign(asked, dialect.name)]) if name not in immaterial)
