"""Which llms there are without a table, and which are off: a provider is switched on by its key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError

from llmproxy.config.addresses import same_place
from llmproxy.config.classes import own_schema
from llmproxy.config.models import OffProvider, ProviderConfig
from llmproxy.config.report import Report, one_line
from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import Registry
from llmproxy.core.tokens import Environment

ECHO = "echo"


def token_names(
    token_env: str | Sequence[str] | None,
    base_url: str | None,
    provider_class: type[Any],
    options: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, ...]:
    """The variables with an llm's token; none means that no token is sent and none is needed.

    A provider's default variable is used only with its default base URL, or when its class has none: a token must not
    reach a host that it was not made for.

    Args:
        token_env: As written; None if it was not.
        base_url: As written; None if it was not.
        provider_class: May have `default_token_env` and `default_base_url`.
        options: The provider's own keys, which may decide what its default variable is.
    """
    if token_env is not None:
        return (token_env,) if isinstance(token_env, str) else tuple(token_env)
    default = default_token_env(provider_class, options)
    home = getattr(provider_class, "default_base_url", None)
    at_home = base_url is None or home is None or same_place(base_url, home)
    return (default,) if default and at_home else ()


def default_token_env(provider_class: type[Any], options: Mapping[str, Any] = MappingProxyType({})) -> str | None:
    """The variable that holds a provider's token by its own custom."""
    decide = getattr(provider_class, "token_env_for", None)
    name = decide(options) if decide else getattr(provider_class, "default_token_env", None)
    return name if isinstance(name, str) else None


def missing_token(names: Sequence[str], environment: Environment) -> str | None:
    """Why an llm has no token, or None if it has one or needs none."""
    if not names or any(environment.get(name) for name in names):
        return None
    if len(names) > 1:
        return f"none of {', '.join(names)} is set"
    name = names[0]
    if environment.defines(f"{name}_FILE"):
        return f"{name}_FILE names a file that holds no token"
    return f"{name} is set but empty" if environment.defines(name) else f"{name} is not set"


def detect(
    providers: Registry[Any],
    surroundings: "Surroundings",
    written: Collection[type[Any]],
    taken: Collection[str],
    report: Report,
) -> tuple[dict[str, ProviderConfig], list[OffProvider]]:
    """The llms that nobody wrote down: `echo`, and one for each provider whose key is found; and those that a key would
    switch on.

    Args:
        providers: Every provider there is.
        surroundings: Where keys are looked for, and where relative paths start.
        written: The provider class of each [llm.*] table; such a provider is in use and needs no second llm.
        taken: Names that mean something else already.
        report: Takes a warning for a provider that cannot be imported.
    """
    llms: dict[str, ProviderConfig] = {}
    off: list[OffProvider] = []
    for name in providers.names():
        found = _import(name, providers, report) if name not in taken else None
        detected = _detected(name, found, surroundings) if found and (name == ECHO or found not in written) else None
        if isinstance(detected, ProviderConfig):
            llms[name] = detected
        elif detected:
            off.append(detected)
    return llms, off


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all llms of a configuration share: where secrets and relative paths are, and how strict they are."""

    environment: Environment
    folder: Path
    strict: bool = False


def _import(name: str, providers: Registry[Any], report: Report) -> type[Any] | None:
    try:
        return providers.get(name)
    except ConfigError as error:
        report.warning(one_line(error.message))
        return None


def _detected(name: str, found: type[Any], surroundings: Surroundings) -> ProviderConfig | OffProvider | None:
    variable = default_token_env(found)
    if variable is None and name != ECHO:
        return None
    if getattr(found, "endpoints", None) and getattr(found, "default_base_url", None) is None:
        return OffProvider(name, name, f"write [llm.{name}] with base_url to switch it on")
    if variable and not surroundings.environment.get(variable):
        return OffProvider(name, name, f"set {variable} to switch it on")
    schema = own_schema(found)
    try:
        options = schema.load({}) if schema else {}
    except ValidationError as error:
        keys = ", ".join(error.messages if isinstance(error.messages, dict) else ())
        return OffProvider(name, name, f"write [llm.{name}] with {keys} to switch it on")
    return ProviderConfig(
        token_env=(variable,) if variable else (),
        name=name,
        provider=name,
        options=options,
        detected=True,
        strict=surroundings.strict,
        environment=surroundings.environment,
        folder=surroundings.folder,
    )
