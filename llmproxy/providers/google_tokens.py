"""Tokens of Google Cloud, by google-auth: for a service account, or for whoever the machine is.

https://googleapis.dev/python/google-auth/latest. It is an extra, and imported only once a token is needed.
"""

import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ConfigError, ProviderError, TokenError
from llmproxy.core.secrets import SECRETS
from llmproxy.core.tokens import TokenProvider
from llmproxy.transport.sessions import ClientProvider, TransportSettings, prepare

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_WAIT_SECS = 10.0
_MAX_BYTES = 1024 * 1024


class GoogleTokens(TokenProvider):
    """The access token of Google credentials; a new one before the old one ends.

    Args:
        credentials_file: The key of a service account; None: Application Default Credentials.
        settings: How upstreams are reached from here: proxy and certificates.

    Raises:
        ConfigError: google-auth is not installed.
    """

    owner = "google"
    fetches = True

    def __init__(self, credentials_file: Path | None, settings: TransportSettings) -> None:
        self._errors = _imported("google.auth.exceptions")
        self._file = credentials_file
        self._ask = _Asking(ClientProvider(replace(settings, first_event_secs=_WAIT_SECS, reuse=False)))
        self._credentials: Any = None
        self._lock = threading.Lock()

    def get_token(self) -> str:
        # Held while one thread asks: all others want the same answer, but not for ever.
        if not self._lock.acquire(timeout=_WAIT_SECS):
            raise TokenError(detail="no token has come from Google in time")
        try:
            if self._credentials is None:
                self._credentials = self._load()
            if not self._credentials.valid:
                self._credentials.refresh(self._ask)
            return SECRETS.learn(str(self._credentials.token))
        except (self._errors.GoogleAuthError, OSError, ValueError) as error:
            raise TokenError(detail=f"no token has come from Google: {_reason(error)}") from error
        finally:
            self._lock.release()

    def _load(self) -> Any:
        if self._file is not None:
            account = _imported("google.oauth2.service_account")
            return account.Credentials.from_service_account_file(str(self._file), scopes=_SCOPES)
        return _imported("google.auth").default(scopes=_SCOPES, request=self._ask)[0]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Asking:
    """How google-auth asks: as we ask any upstream, whatever the environment says of proxies."""

    def __init__(self, transport: ClientProvider) -> None:
        self._transport = transport
        self._failure = _imported("google.auth.exceptions").TransportError

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> _Answer:
        content = body.encode() if isinstance(body, str) else body
        request = prepare(method, url, {"Accept-Encoding": "identity", **(headers or {})}, content)
        try:
            reply = self._transport.send(request, RequestContext())
            try:
                return _Answer(reply.status, reply.headers, reply.body(_MAX_BYTES))
            finally:
                reply.close()
        except ProviderError as error:
            raise self._failure(error.message) from error


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError("google-auth is not installed; pip install llmproxy[vertex] brings it") from error


def _reason(error: Exception) -> str:
    """What google-auth says, in one line; what follows may be an answer of Google's, whole."""
    first = str(error.args[0]) if error.args else ""
    return f"{type(error).__name__}: {first.partition(chr(10))[0][:200]}"
