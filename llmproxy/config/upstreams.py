"""The llms: those that were written down, those that their key switches on, and those that are off."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmproxy.config.classes import ClassTable, ClassTables
from llmproxy.config.detect import Surroundings, detect, missing_token, token_names
from llmproxy.config.document import Document
from llmproxy.config.models import OffProvider, ProviderConfig
from llmproxy.config.parts import PARTS, with_parts
from llmproxy.config.report import Report, table_title
from llmproxy.config.schemas import LlmSchema
from llmproxy.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Every llm there is.

    Attributes:
        llms: By name.
        off: Those that are off; one whose token is absent is in `llms` as well.
        names: All names that a model or a route may point to. One whose table is wrong counts as well.
    """

    llms: Mapping[str, ProviderConfig]
    off: tuple[OffProvider, ...]
    names: frozenset[str]


def load_upstreams(
    document: Document, providers: Registry[Any], surroundings: Surroundings, report: Report
) -> Upstreams:
    """The llms of a document; mistakes in their tables are reported."""
    written = _load_written(document, providers, surroundings, report)
    names = {name for kind in ("llm", "model") for name, _ in document.tables(kind)}
    detected, undetected = detect(providers, surroundings, written.classes, names, report)
    off = [*_off(written, surroundings), *undetected]
    return Upstreams(
        llms={**written.llms, **detected},
        off=tuple(off),
        names=frozenset([*dict(document.tables("llm")), *detected, *(llm.name for llm in undetected)]),
    )


@dataclass(slots=True)
class _Written:
    """The [llm.*] tables as far as they have been read."""

    llms: dict[str, ProviderConfig] = field(default_factory=dict)
    classes: set[type[Any]] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)  # of the classes that cannot be imported, by the llm's name


def _load_written(document: Document, providers: Registry[Any], surroundings: Surroundings, report: Report) -> _Written:
    tables = ClassTables(LlmSchema(), "provider", providers)
    written = _Written()
    for name, table in document.tables("llm"):
        loaded = with_parts(tables.load(table, ("llm", name), report), ("llm", name), report)
        if loaded.failure and loaded.values is not None:
            written.failures[name] = loaded.failure
            written.llms[name] = ProviderConfig(**loaded.values, name=name, environment=surroundings.environment)
        if loaded.found:
            written.classes.add(loaded.found)
            config = _provider_config(name, loaded, surroundings)
            if config:
                written.llms[name] = config
                for warning in _warnings(config, surroundings):
                    report.warning(warning, ("llm", name))
    return written


def _provider_config(name: str, table: ClassTable, surroundings: Surroundings) -> ProviderConfig | None:
    if table.found is None or table.values is None or table.options is None:
        return None
    values = dict(table.values)
    if not values.keys() & PARTS.keys():  # to what hosts the class's own token would go, nobody could say
        values["token_env"] = token_names(values.get("token_env"), values.get("base_url"), table.found, table.options)
    return ProviderConfig(
        **values,
        name=name,
        options=table.options,
        strict=surroundings.strict,
        environment=surroundings.environment,
        folder=surroundings.folder,
    )


def _warnings(config: ProviderConfig, surroundings: Surroundings) -> Iterator[str]:
    title = table_title(("llm", config.name))
    if not config.verify:
        yield f"verify = false in {title}: anybody between can read the token and change the answers"
    missing = [variable for variable in config.token_envs if not surroundings.environment.get(variable)]
    if len(missing) < len(config.token_envs):
        yield from (f"{variable} of {title} is not set; the others are used" for variable in missing)


def _off(written: _Written, surroundings: Surroundings) -> Iterator[OffProvider]:
    for name, config in written.llms.items():
        reason = written.failures.get(name) or missing_token(config.token_envs, surroundings.environment)
        if reason:
            yield OffProvider(name, config.provider, reason)
