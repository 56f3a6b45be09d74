"""The whole configuration as frozen records: one class for each table of the file. What they hold was checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llmproxy.config.llms import ProviderConfig, Timeouts, process_environment
from llmproxy.core.tokens import Environment

__all__ = [
    "Budget",
    "ClientConfig",
    "Config",
    "Limits",
    "ModelConfig",
    "OffProvider",
    "PluginsConfig",
    "PriceConfig",
    "ProcessorConfig",
    "ProviderConfig",
    "RouteConfig",
    "ServerConfig",
    "TargetConfig",
    "Timeouts",
    "When",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """`[server]`: the process and what holds for every request.

    Attributes:
        host: The address to listen at. "127.0.0.1" is this machine alone.
        port: 0 takes any free one.
        workers: Processes.
        threads: Requests at a time in each process.
        write_secs: A client that reads nothing for so long is dropped.
        trusted_proxies: How many X-Forwarded-* hops to believe.
        log_level: A level of the logging module.
        log_format: "text" or "json".
        request_timeout_secs: The whole exchange, all attempts.
        max_body_mb: The largest request that is read, in MiB.
        cors_allowed_origins: Origins of browsers, or "*"; empty: none.
        auth: "auto" (loopback callers only, until there are clients), "keys" or "none".
        strict: True: a 400 in place of dropping what the target cannot say.
        state: An SQLAlchemy URL, relative paths starting at the config's folder; "memory" keeps nothing.
        shared: Where workers share counters: "state", "memory" or a redis:// URL.
        admin_token_env: The variable with the admin's secret.
        keepalive_secs: Pause between two signs of life on a silent stream; 0: none.
        on_disconnect: What becomes of the upstream request when its client leaves: "cancel" or "finish".
    """

    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    threads: int = 64
    write_secs: float = 30
    trusted_proxies: int = 0
    log_level: str = "INFO"
    log_format: Literal["text", "json"] = "text"
    request_timeout_secs: float = 900
    max_body_mb: float = 32
    cors_allowed_origins: tuple[str, ...] = ()
    auth: Literal["auto", "keys", "none"] = "auto"
    strict: bool = False
    state: str = field(default="sqlite:///llmproxy.db", repr=False)  # may hold a password
    shared: str = field(default="state", repr=False)  # the same
    admin_token_env: str = "LLMPROXY_ADMIN_TOKEN"
    keepalive_secs: float = 15
    on_disconnect: Literal["cancel", "finish"] = "cancel"


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """An llm and the model's name over there.

    Attributes:
        weight: The share of requests it gets beside the other targets, for policy "weighted".
    """

    llm: str
    model: str
    weight: float = 1


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """`[model.NAME]`: a name clients use.

    Attributes:
        targets: At least one, in the order of the file.
        policy: How one of them is chosen: a built-in name, an entry point, or "module:Class".
        params: Defaults for what the client leaves out, in the words of OpenAI's chat.
        fallback_on_ambiguous: Whether the next target is asked although the first may have done the work.
        fallback_on_context_length: "llm/model" to ask when the prompt is too long. None: nobody.
    """

    name: str
    targets: tuple[TargetConfig, ...]
    policy: str = "fallback"
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    fallback_on_ambiguous: bool = False
    fallback_on_context_length: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """For which requests something holds: globs of model names, route prefixes and client names. Empty: all."""

    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessorConfig:
    """`[processor.NAME]`: a processor's class and its options.

    Attributes:
        type: A built-in name, an entry point, or "module:Class".
        options: The keyword arguments of the class: what its `options_schema` has loaded, or the table as it was.
        when: The requests it sees.
        failure: Why the class cannot be imported, as one line with its file. None: it can.
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    when: When = field(default_factory=When)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """`[[route]]`: what is served below a path, or at one whole path.

    Attributes:
        path_prefix: Starts with a slash and ends without one; "/" is the root.
        target_llm: An llm or a `[model.*]` name. None: by the request's model name.
        processors: Names of `[processor.*]`, in their order.
    """

    path_prefix: str
    target_llm: str | None = None
    processors: tuple[str, ...] = ()
    allow_streaming: bool = True
    allow_non_streaming: bool = True


def normal_prefix(path: str) -> str:
    """A path prefix without the slashes at its end; "/" is the root."""
    return path.rstrip("/") or "/"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may use. None: no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a client may spend in each period, in dollars."""

    usd: float
    period: Literal["day", "week", "month"] = "month"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """`[client.NAME]`: somebody who may call us.

    Attributes:
        token_env: The variable with the client's secret. While it is absent, the client cannot call.
        models: Globs of the model names it may use. None: all. Empty: none.
        passthrough: The llms whose own API it may use through us. None: all, unless `models` is set: then none.
        budget: None: no budget.
    """

    name: str
    token_env: str
    models: tuple[str, ...] | None = None
    passthrough: tuple[str, ...] | None = None
    limits: Limits = field(default_factory=Limits)
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class PriceConfig:
    """`[price."llm/model"]`: dollars for a million tokens. None: the known price, if there is one."""

    input: float | None = None
    output: float | None = None


@dataclass(frozen=True, slots=True)
class PluginsConfig:
    """`[plugins]`: the folders whose Python files are imported at start, absolute."""

    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class OffProvider:
    """An llm that is off.

    Attributes:
        name: The llm's name.
        provider: Its provider's.
        reason: What would switch it on.
    """

    name: str
    provider: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked. `Config()` is that of an empty file without a single llm.

    Attributes:
        server: `[server]`.
        llms: By name, the detected ones and `echo` included; one whose token is absent is here as well as in `off`.
        models: By name.
        processors: By name.
        routes: In the order of the file. Empty: all standard paths at the root.
        clients: By name.
        prices: By "llm/model".
        plugins: What was imported.
        path: The file, absolute. None: there is none.
        folder: Where relative paths start.
        text: What the file says. Empty without one.
        environment: Where secrets are looked up.
        no_effect: One line for each key that was written and has no effect yet.
        warnings: One line for each thing an operator should look at.
        off: The llms that are off, and what would switch them on.
    """

    server: ServerConfig = field(default_factory=ServerConfig)
    llms: Mapping[str, ProviderConfig] = field(default_factory=dict)
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    processors: Mapping[str, ProcessorConfig] = field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = ()
    clients: Mapping[str, ClientConfig] = field(default_factory=dict)
    prices: Mapping[str, PriceConfig] = field(default_factory=dict)
    plugins: PluginsConfig = field(default_factory=PluginsConfig)
    path: Path | None = None
    folder: Path = field(default_factory=Path.cwd)
    text: str = field(default="", repr=False, compare=False)
    environment: Environment = field(default_factory=process_environment, repr=False, compare=False)
    no_effect: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    off: tuple[OffProvider, ...] = ()
