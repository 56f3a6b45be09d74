"""Clients and their keys."""

import hashlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from llmproxy.config.models import ClientConfig
from llmproxy.core.secrets import SECRETS
from llmproxy.core.tokens import Environment

# Secret files (`NAME_FILE`) have no stamp of ours: they are looked at again after so long.
_REFRESH_SECS = 5.0


@dataclass(frozen=True, slots=True)
class Client:
    """Whoever calls us with a key of ours.

    Attributes:
        models: Globs of the model names it may use; None: all.
        passthrough: The llms whose own API it may use; None: all, unless its models are limited.
    """

    name: str
    models: tuple[str, ...] | None = None
    passthrough: tuple[str, ...] | None = None

    def may_pass_to(self, llm: str) -> bool:
        """Whether it may use this llm's own API, where no model's name is looked at."""
        return self.models is None if self.passthrough is None else llm in self.passthrough


class Clients:
    """The clients of `[client.*]`, found by the digest of their key."""

    def __init__(self, configs: Iterable[ClientConfig], environment: Environment) -> None:
        self._configs = tuple(configs)
        self._environment = environment
        self._by_digest: dict[bytes, Client] = {}
        self._state: object = None
        self._looked_at = 0.0
        self._lock = threading.Lock()
        self._refresh()

    def __bool__(self) -> bool:
        return bool(self._configs)

    def find(self, key: str) -> Client | None:
        """The client with this key, as the environment has the keys now."""
        self._refresh()
        return self._by_digest.get(_digest(key))

    def _refresh(self) -> None:
        state, now = self._environment.stamps(), time.monotonic()
        if state == self._state and now - self._looked_at < _REFRESH_SECS:
            return
        with self._lock:
            self._by_digest = dict(self._read())
            self._state, self._looked_at = state, now

    def _read(self) -> Iterable[tuple[bytes, Client]]:
        for config in self._configs:
            key = self._environment.get(config.token_env)
            if key:
                yield _digest(SECRETS.learn(key)), Client(config.name, config.models, config.passthrough)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
