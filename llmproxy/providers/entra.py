"""Tokens of Microsoft Entra for an application that has a secret there: OAuth's client credentials.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ProviderError, ProviderTimeout, TokenError
from llmproxy.core.secrets import SECRETS
from llmproxy.core.tokens import Environment, TokenProvider
from llmproxy.transport.sessions import ClientProvider, TransportSettings, prepare

TENANT, CLIENT, SECRET = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"

_URL = "https://login.microsoftonline.com/{}/oauth2/v2.0/token"
_SCOPE = "https://cognitiveservices.azure.com/.default"
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}
_EARLY_SECS = 120.0
_WAIT_SECS = 10.0
_MAX_BYTES = 64 * 1024


class ClientCredentials(TokenProvider):
    """The token that Entra gives for a tenant, a client and its secret; a new one before the old one ends.

    Args:
        environment: Where the three are looked up, each time a token is fetched.
        settings: How upstreams are reached from here: proxy and certificates.
        clock: Seconds that only grow.
    """

    owner = "entra"
    fetches = True

    def __init__(
        self, environment: Environment, settings: TransportSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environment = environment
        self._transport = ClientProvider(replace(settings, first_event_secs=_WAIT_SECS, reuse=False))
        self._clock = clock
        self._token = ""
        self._renew_at = clock()
        self._lock = threading.Lock()

    def get_token(self) -> str:
        # Held while one thread asks: all others want the same answer, but not for ever.
        if not self._lock.acquire(timeout=_WAIT_SECS):
            detail = "no token has come from Entra"
            raise ProviderTimeout(code="upstream_connect_timeout", phase="connect", detail=detail)
        try:
            if self._clock() >= self._renew_at:
                self._token, seconds = self._fetch()
                self._renew_at = self._clock() + seconds - _EARLY_SECS
            return SECRETS.learn(self._token)
        finally:
            self._lock.release()

    def _fetch(self) -> tuple[str, float]:
        """A new token, and for how many seconds it holds."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._setting(CLIENT),
            "client_secret": SECRETS.learn(self._setting(SECRET)),
            "scope": _SCOPE,
        }
        url = _URL.format(quote(self._setting(TENANT), safe=""))
        reply = self._transport.send(prepare("POST", url, _HEADERS, urlencode(form).encode()), RequestContext())
        try:
            if reply.status != 200:
                refused = 400 <= reply.status < 500
                code = "upstream_auth_failed" if refused else "upstream_unavailable"
                raise ProviderError(code=code, detail=f"Entra answered {CLIENT} with status {reply.status}")
            said = reply.json(_MAX_BYTES)
        finally:
            reply.close()
        try:
            return str(said["access_token"]), float(said["expires_in"])
        except (LookupError, TypeError, ValueError) as error:
            raise ProviderError(code="upstream_bad_response", detail="an answer of Entra's without a token") from error

    def _setting(self, name: str) -> str:
        value = self._environment.get(name)
        if value is None:
            raise TokenError(detail=f"{name} is not set")
        return value
