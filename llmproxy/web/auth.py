"""Who is calling: decided from the headers alone, before the body is read."""

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Literal

from flask import Request
from werkzeug.exceptions import Forbidden, Unauthorized

from llmproxy.access.clients import Client, Clients
from llmproxy.core.errors import AccessDenied, AuthenticationFailed

Authenticate = Callable[[], Any]
BEARER = "authorization"
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_")


class Doorkeeper:
    """Lets callers in, or not.

    Args:
        clients: The clients of the configuration.
        mode: `[server] auth`: `keys`, `none`, or `auto`, which means keys where there are clients, and otherwise only
            callers on this machine that no proxy speaks for.
        authenticate: The host application's own say, in place of keys: who is calling, or None. What it returns is a
            name, or anything with a `name` or an `id`.
    """

    def __init__(
        self, clients: Clients, mode: Literal["auto", "keys", "none"], authenticate: Authenticate | None = None
    ) -> None:
        self._clients = clients
        self._mode = mode
        self._authenticate = authenticate

    @property
    def needs_key(self) -> bool:
        """Whether callers must have one of our keys."""
        return self._authenticate is None and (self._mode == "keys" or (self._mode == "auto" and bool(self._clients)))

    def admit(self, request: Request, *key_headers: str) -> Client | None:
        """The client that is calling; None for one without a name.

        Args:
            request: What it sends.
            key_headers: Where its key may be besides a bearer token.

        Raises:
            AuthenticationFailed: Nobody who may call. The answer does not say why.
            AccessDenied: The host application has aborted with 403.
        """
        if self._authenticate is not None:
            return self._known_to_host(self._authenticate)
        if self._mode == "none":
            return None
        if self._mode == "auto" and not self._clients:
            if not _is_local(request):
                raise _refused()
            return None
        client = self._clients.find(read_key(request, key_headers))
        if client is None:
            raise _refused()
        return client

    def _known_to_host(self, authenticate: Authenticate) -> Client:
        try:
            caller = authenticate()
        except Unauthorized as error:
            raise _refused() from error
        except Forbidden as error:
            raise AccessDenied() from error
        # Not `is None`: a proxy object may stand for it. And flask-login's nobody is an object of its own.
        if not caller or getattr(caller, "is_authenticated", True) is False:
            raise _refused()
        name = getattr(caller, "name", None) or getattr(caller, "id", None) or caller
        return Client(str(name))


def read_key(request: Request, headers: Iterable[str]) -> str:
    """The key in the first of these headers that has one, or as a bearer token; never one in the URL."""
    for header in headers:
        value = request.headers.get(header, "") if header != BEARER else ""
        if value:
            return value.strip()
    scheme, _, key = request.headers.get(BEARER, "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _is_local(request: Request) -> bool:
    if any(name.startswith(_FORWARDED) for name in request.environ):
        return False
    try:
        return ipaddress.ip_address(request.environ.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed(headers={"WWW-Authenticate": "Bearer"})
