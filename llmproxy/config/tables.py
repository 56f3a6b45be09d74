"""The tables that stand for themselves, as records. One that is wrong is reported and left out."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema

from llmproxy.config.classes import ClassTables, find_class
from llmproxy.config.complaints import load_table
from llmproxy.config.document import Document
from llmproxy.config.models import ClientConfig, ModelConfig, PriceConfig, ProcessorConfig, RouteConfig, normal_prefix
from llmproxy.config.report import Report, describe
from llmproxy.config.schemas import ClientSchema, ModelSchema, PriceSchema, ProcessorSchema, RouteSchema
from llmproxy.core.registry import ImportFailed, Registry


def load_models(document: Document, policies: Registry[Any], report: Report) -> dict[str, ModelConfig]:
    unusable = {name for name, table in document.tables("model") if _policy_fails(name, table, policies, report)}
    models = {}
    for name, values in _load(document, "model", ModelSchema(), report):
        if name in unusable:
            del values["policy"]
        models[name] = ModelConfig(name=name, **values)
    return models


def _policy_fails(name: str, table: Mapping[str, Any], policies: Registry[Any], report: Report) -> bool:
    """Whether the policy that a model names cannot be imported: who comes first is then not worth refusing to start."""
    policy, path = table.get("policy"), ("model", name, "policy")
    try:
        if isinstance(policy, str) and policy:
            find_class(policies, policy, path, report)
    except ImportFailed as error:
        report.warning(f"{describe(path)} is off, the targets are tried in their order: {error.message}", path)
        return True
    return False


def load_clients(document: Document, report: Report) -> dict[str, ClientConfig]:
    loaded = _load(document, "client", ClientSchema(), report)
    return {name: ClientConfig(name=name, **values) for name, values in loaded}


def load_prices(document: Document, report: Report) -> dict[str, PriceConfig]:
    loaded = _load(document, "price", PriceSchema(), report)
    return {name: PriceConfig(**values) for name, values in loaded}


def load_processors(document: Document, registry: Registry[Any], report: Report) -> dict[str, ProcessorConfig]:
    """One that cannot be imported is there all the same: it is not to be passed by."""
    tables = ClassTables(ProcessorSchema(), "type", registry, keywords=True)
    loaded = {name: tables.load(table, ("processor", name), report) for name, table in document.tables("processor")}
    for name, table in loaded.items():
        if table.failure:
            path = ("processor", name)
            report.warning(f"{describe(path)} is off, and refuses all requests that it concerns: {table.failure}", path)
    return {
        name: ProcessorConfig(name=name, options=table.options or {}, failure=table.failure, **table.values)
        for name, table in loaded.items()
        if table.values is not None and (table.options is not None or table.failure)
    }


def load_routes(document: Document, report: Report) -> tuple[RouteConfig, ...]:
    loaded = [load_table(RouteSchema(), table, ("route", index), report) for index, table in document.routes()]
    return tuple(
        RouteConfig(**{**values, "path_prefix": normal_prefix(values["path_prefix"])})
        for values in loaded
        if values is not None
    )


def _load(document: Document, kind: str, schema: Schema, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in document.tables(kind):
        values = load_table(schema, table, (kind, name), report)
        if values is not None:
            yield name, values
