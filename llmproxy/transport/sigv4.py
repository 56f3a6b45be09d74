"""Signatures for Amazon's services, made by botocore with credentials from wherever botocore finds them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. botocore is an extra, and imported only once
something has to be signed.
"""

import importlib
import importlib.util
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from llmproxy.core.errors import ConfigError, TokenError
from llmproxy.core.tokens import Environment
from llmproxy.transport.auth import R, TokenAuth, UpstreamRequest, digest, sendable

_PUT_ON = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one request is signed with.

    Attributes:
        owner: Whose they are: the same while they are renewed.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
    owner: str = field(repr=False)


class CredentialSource:
    """Where credentials come from: keys in the environment or `.env`, else whatever botocore finds (profiles, SSO, the
    roles of containers and machines), which renews them. Shared by all threads.

    Args:
        profile: The profile of the AWS configuration to use; None: keys first, then `AWS_PROFILE` or the default.
        environment: Where the keys are looked up.

    Raises:
        ConfigError: botocore is not installed.
    """

    def __init__(self, profile: str | None = None, environment: Environment | None = None) -> None:
        require_botocore()
        self._profile = profile
        self._environment = environment or Environment()
        self._found: Any = None
        self._owner = ""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<CredentialSource {self._profile or 'by default'}>"

    def current(self) -> Credentials:
        """The credentials to use for the next attempt.

        Raises:
            TokenError: There are none, or they could not be renewed.
        """
        return self._from_environment() or self._from_botocore()

    @property
    def fetches(self) -> bool:
        """Whether it is left to botocore, which may ask a service of Amazon's or run a program."""
        return self._from_environment() is None

    def region(self) -> str | None:
        """The region that the profile names.

        Raises:
            ConfigError: There is no such profile.
        """
        try:
            region: str | None = self._session().get_config_variable("region")
        except _errors() as error:
            raise ConfigError(f"the AWS configuration cannot be read: {error}") from error
        return region

    def _from_environment(self) -> Credentials | None:
        """Keys as they are set at this moment; a profile that was asked for by name goes before them."""
        access_key = self._environment.get("AWS_ACCESS_KEY_ID")
        secret_key = self._environment.get("AWS_SECRET_ACCESS_KEY")
        if self._profile or not access_key or not secret_key:
            return None
        return Credentials(access_key, secret_key, self._environment.get("AWS_SESSION_TOKEN"), access_key)

    def _from_botocore(self) -> Credentials:
        try:
            with self._lock:
                if self._found is None:
                    self._found = self._session().get_credentials()
            if self._found is None:
                raise TokenError(detail="there are no AWS credentials")
            frozen = self._found.get_frozen_credentials()  # renewed if need be, by one thread at a time
        except _errors() as error:  # what it says may come from a program that was asked for credentials
            raise TokenError(detail=f"AWS credentials could not be had: {type(error).__name__}") from error
        self._owner = self._owner or frozen.access_key
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token, self._owner)

    def _session(self) -> Any:
        return _botocore("session").Session(profile=self._profile or self._environment.get("AWS_PROFILE"))


class SigV4Auth(TokenAuth):
    """A signature in the place of a token.

    Args:
        source: Asked at each attempt.
        region, service: What the signature is for.
    """

    scheme = "AWS4-HMAC-SHA256"

    def __init__(self, source: CredentialSource, region: str, service: str) -> None:
        logging.getLogger("botocore.auth").setLevel(logging.INFO)  # at DEBUG it writes the session token
        self._source = source
        self._region = region
        self._service = service

    @property
    def fetches(self) -> bool:
        return self._source.fetches

    def __call__(self, r: R) -> R:
        credentials = self._source.current()
        for secret in (credentials.access_key, credentials.token or ""):
            sendable(secret)
        # Only what nothing on the way may change; the host is always among it.
        headers = {name: r.headers[name] for name in ("Content-Type",) if name in r.headers}
        signed = _botocore("awsrequest").AWSRequest(r.method, r.url, headers, r.body)
        _botocore("auth").SigV4Auth(credentials, self._service, self._region).add_auth(signed)
        r.headers.update({name: signed.headers[name] for name in _PUT_ON if name in signed.headers})
        if isinstance(r, UpstreamRequest):
            r.token_id, r.secret = digest(credentials.owner), credentials.token or credentials.access_key
        return r

    def __repr__(self) -> str:
        return f"<SigV4Auth {self._service} in {self._region}>"


def require_botocore() -> None:
    """Makes sure that botocore can be imported, without doing so.

    Raises:
        ConfigError: It is not installed.
    """
    if importlib.util.find_spec("botocore") is None:
        raise ConfigError("AWS credentials need botocore: pip install llmproxy[bedrock]")


def _botocore(module: str) -> Any:
    return importlib.import_module(f"botocore.{module}")


def _errors() -> tuple[type[Exception], ...]:
    exceptions = _botocore("exceptions")
    return exceptions.BotoCoreError, exceptions.ClientError
