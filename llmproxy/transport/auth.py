"""How a token gets onto a request: `requests.auth` classes."""

import hashlib
from typing import TypeVar

import requests
from requests.auth import AuthBase

from llmproxy.core.errors import TokenError
from llmproxy.core.secrets import SECRETS
from llmproxy.core.tokens import TokenProvider

R = TypeVar("R", bound=requests.PreparedRequest)


class UpstreamRequest(requests.PreparedRequest):
    """A prepared request that knows which token it carries, by its digest or its owner's: each has its own pool.

    Attributes:
        token_id: Set by the auth class; empty if no token is sent.
        secret: The token itself, to be cut out of whatever the upstream says.
        place: Which of several tokens to carry. None: whichever has its turn.
    """

    token_id: str = ""
    secret: str = ""
    place: int | None = None


class TokenAuth(AuthBase):
    """What puts a token, or a signature in its place, in a header.

    Attributes:
        header: The header's name.
        scheme: What stands before the token, as `Bearer`; empty for nothing.
    """

    header: str = "Authorization"
    scheme: str = ""

    @property
    def fetches(self) -> bool:
        """Whether somebody else may have to be asked for the token first."""
        return False


class HeaderAuth(TokenAuth):
    """A token in a header of its own.

    Args:
        header: The header's name.
        token_provider: Asked at each attempt. None: no token is sent, since none is needed.
        scheme: What stands before the token, as `Bearer`; empty for nothing.
    """

    def __init__(self, header: str, token_provider: TokenProvider | None, scheme: str = "") -> None:
        self.header = header
        self._token_provider = token_provider
        self.scheme = scheme

    @property
    def fetches(self) -> bool:
        return self._token_provider is not None and self._token_provider.fetches

    def __call__(self, r: R) -> R:
        provider = self._token_provider
        if provider is None:
            return r
        if isinstance(r, UpstreamRequest) and r.place is not None:
            provider = provider.at(r.place)
        token = SECRETS.learn(sendable(provider.get_token()))
        r.headers[self.header] = f"{self.scheme} {token}" if self.scheme else token
        if isinstance(r, UpstreamRequest):
            r.token_id, r.secret = digest(provider.owner or token), token
        return r

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.header}>"


class BearerAuth(HeaderAuth):
    """A token as `Authorization: Bearer` (RFC 6750, section 2.1).

    Args:
        token_provider: Asked at each attempt. None: no token is sent, since none is needed.
    """

    def __init__(self, token_provider: TokenProvider | None) -> None:
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
