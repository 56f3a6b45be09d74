"""How a token gets onto a request: `requests.auth` classes."""

import hashlib
from typing import TypeVar

import requests
from requests.auth import AuthBase

from llmproxy.core.errors import TokenError
from llmproxy.core.tokens import TokenProvider

R = TypeVar("R", bound=requests.PreparedRequest)


class UpstreamRequest(requests.PreparedRequest):
    """A prepared request that knows which token it carries, by its digest or its owner's: each has its own pool.

    Attributes:
        token_id: Set by the auth class; empty if no token is sent.
        secret: The token itself, to be cut out of whatever the upstream says.
    """

    token_id: str = ""
    secret: str = ""


class NoAuth(AuthBase):
    """For upstreams that want no token."""

    def __call__(self, r: R) -> R:
        return r


class HeaderAuth(AuthBase):
    """A token in a header of its own.

    Args:
        header: The header's name.
        token_provider: Asked at each attempt.
        scheme: What stands before the token, as `Bearer`; empty for nothing.
    """

    def __init__(self, header: str, token_provider: TokenProvider, scheme: str = "") -> None:
        self.header = header
        self._token_provider = token_provider
        self._prefix = f"{scheme} " if scheme else ""

    def __call__(self, r: R) -> R:
        token = sendable(self._token_provider.get_token())
        r.headers[self.header] = self._prefix + token
        if isinstance(r, UpstreamRequest):
            r.token_id, r.secret = digest(self._token_provider.owner or token), token
        return r

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.header}>"


class BearerAuth(HeaderAuth):
    """A token as `Authorization: Bearer` (RFC 6750, section 2.1)."""

    def __init__(self, token_provider: TokenProvider) -> None:
        super().__init__("Authorization", token_provider, "Bearer")


def sendable(token: str) -> str:
    """The token, if a header may hold it.

    Raises:
        TokenError: It may not; http.client would quote it in its complaint.
    """
    if not (token.isascii() and token.isprintable()):
        raise TokenError(detail="the token holds characters that no header may hold")
    return token


def digest(token: str) -> str:
    """What stands for a token where the token itself must not."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
