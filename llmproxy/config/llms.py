"""An upstream as it is configured: `[llm.NAME]`, or `ProviderConfig(...)` by hand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from llmproxy.config.addresses import base_url_problem, proxy_problem
from llmproxy.config.secrets import is_variable_name
from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import Environment, TokenProvider
from llmproxy.core.urls import UrlProvider


class _Default(float):
    """A default that knows it is one: where it still stands, nobody has chosen another value."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each phase of one attempt may take, in seconds; fractions are fine.

    Attributes:
        connect_secs: Until the connection stands, TLS included.
        first_event_secs: From there to the first event of the answer. A whole answer comes only when all of it is made.
        idle_secs: Between two reads of a stream, pings included.
        progress_secs: Silence apart from pings.
        total_secs: The whole attempt.
    """

    connect_secs: float = _Default(5)
    first_event_secs: float = _Default(600)
    idle_secs: float = _Default(300)
    progress_secs: float = _Default(300)
    total_secs: float = _Default(900)

    def __post_init__(self) -> None:
        wrong = [item.name for item in fields(self) if not _is_duration(getattr(self, item.name))]
        if wrong:
            raise ConfigError(*(f"{name} {_NO_DURATION}" for name in wrong))

    def with_short_form(self, timeout_secs: float | None) -> "Timeouts":
        """The same with `timeout_secs` for those of the three silences that nobody has set. None changes nothing."""
        if timeout_secs is None:
            return self
        unset = [name for name in _SHORT_FORM_OF if isinstance(getattr(self, name), _Default)]
        return replace(self, **dict.fromkeys(unset, _Default(timeout_secs)))


_SHORT_FORM_OF = ("first_event_secs", "idle_secs", "progress_secs")


def process_environment() -> Environment:
    """The process's environment, then `.env` in the working directory."""
    return Environment([Path(".env")])


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """One upstream: which provider, where, with whose token, and how patiently.

    Every field has a default, so that `ProviderConfig()` is a provider's own host with its own token variable.

    Attributes:
        base_url: Where the upstream's paths begin, version included. None: the provider class's own.
        token_env: The variable that holds the token, or several to take turns. None: the provider class's own variable,
            if the base URL is its own, too. An empty list: no token is sent and none is needed.
        timeout_secs: Short form of `timeouts`: the default of first_event_secs, idle_secs and progress_secs. None: they
            keep their own.
        max_retries: How often an attempt that is safe to repeat is repeated.
        name: The llm's name, `x` in `[llm.x]`.
        provider: What the file calls the provider class.
        models: Globs of the model names that a bare name may reach here.
        max_parallel: Requests at a time. None: no limit of its own.
        supports_streaming: False: streams are made from whole answers.
        headers: Added to every upstream request.
        paths: Dialect name to path, where this host differs from the dialect's own path.
        proxy: The HTTP proxy's URL. None: no proxy, whatever the environment says.
        ca_file: PEM file of the authorities to trust; a relative one starts at `folder`. None: the usual ones.
        verify: False: the upstream's certificate is not checked.
        allow_http: Whether plain http may leave this machine.
        reuse_connections: Whether a connection serves several requests.
        retry_on_stale_reuse: Whether a reused connection that was closed without an answer is worth another attempt.
        max_response_mb: The largest answer that is read, in MiB, decoded.
        timeouts: The long form; what is given there wins over `timeout_secs` key by key.
        token_provider: What gives the token. None: `token_env` says where it is.
        url_provider: What gives the base URL. None: `base_url` is it. A provider class's own token variable is not for
            the hosts that it names.
        options: The provider's own keys, as its `options_schema` has loaded them.
        detected: Whether its key being found has switched it on; no table was written.
        strict: Whether what the upstream cannot say is refused rather than dropped; the server's own setting.
        environment: Where its token names are looked up. Default: the process's environment, then `.env` in the working
            directory.
        folder: Where relative paths start. None: the working directory.

    Raises:
        ConfigError: A value makes no sense; all of them at once.
    """

    base_url: str | None = None
    token_env: str | Sequence[str] | None = field(default=None, hash=False)
    timeout_secs: float | None = None
    max_retries: int = 1
    _: KW_ONLY
    name: str = ""
    provider: str = ""
    models: tuple[str, ...] = ()
    max_parallel: int | None = None
    supports_streaming: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    paths: Mapping[str, str] = field(default_factory=dict, hash=False)
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    verify: bool = True
    allow_http: bool = False
    reuse_connections: bool = True
    retry_on_stale_reuse: bool = False
    max_response_mb: float = 32
    timeouts: Timeouts = field(default_factory=Timeouts)
    token_provider: TokenProvider | None = field(default=None, repr=False, compare=False)
    url_provider: UrlProvider | None = field(default=None, repr=False, compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    detected: bool = False
    strict: bool = False
    environment: Environment = field(default_factory=process_environment, repr=False, compare=False)
    folder: Path | None = None

    def __post_init__(self) -> None:
        problems = self._problems()
        if problems:
            raise ConfigError(*problems)
        if self.token_env is None and (self.token_provider or self.url_provider):
            object.__setattr__(self, "token_env", ())
        if self.token_env is not None and not isinstance(self.token_env, str):
            object.__setattr__(self, "token_env", tuple(self.token_env))
        object.__setattr__(self, "models", tuple(self.models))
        for name in ("headers", "paths", "options"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        object.__setattr__(self, "timeouts", self.timeouts.with_short_form(self.timeout_secs))

    @property
    def token_envs(self) -> tuple[str, ...]:
        """The variables that hold the token, in turn; empty where none is named."""
        if self.token_env is None:
            return ()
        return (self.token_env,) if isinstance(self.token_env, str) else tuple(self.token_env)

    @property
    def ca_path(self) -> Path | None:
        """`ca_file`, with `folder` before a relative one. It need not exist before the llm is used."""
        return (self.folder or Path()) / self.ca_file if self.ca_file else None

    def _problems(self) -> list[str]:
        found = {
            "base_url": base_url_problem(self.base_url, self.allow_http) if self.base_url is not None else None,
            "proxy": proxy_problem(self.proxy) if self.proxy is not None else None,
            "token_env": _unless(all(map(is_variable_name, self.token_envs)), _NO_VARIABLE),
            "timeout_secs": _unless(self.timeout_secs is None or _is_duration(self.timeout_secs), _NO_DURATION),
            "max_retries": _unless(self.max_retries >= 0, "must be 0 or more"),
            "max_parallel": _unless(self.max_parallel is None or self.max_parallel > 0, "must be 1 or more"),
            "max_response_mb": _unless(self.max_response_mb > 0, "must be above 0"),
        }
        return [f"{name} {problem}" for name, problem in found.items() if problem]


_NO_DURATION = "must be a number of seconds above 0"
_NO_VARIABLE = "must be the name of an environment variable, not the token itself"


def _unless(fine: bool, problem: str) -> str | None:
    return None if fine else problem


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
