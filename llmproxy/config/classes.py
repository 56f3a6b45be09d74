"""Tables that name a class: [llm.*] and [processor.*]. Some keys every such table has; the others are the class's own,
and its `options_schema` says what they are."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from llmproxy.config.complaints import keys_of, load_table
from llmproxy.config.locate import KeyPath
from llmproxy.config.report import Report, closest, describe, did_you_mean, one_line, quoted, table_title
from llmproxy.config.secrets import mask
from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import ImportFailed, Registry


@dataclass(frozen=True, slots=True)
class ClassTable:
    """A table that names a class, once loaded.

    Attributes:
        values: What the common schema loaded; None if it complained.
        found: The class; None if there is none of that name.
        options: The class's own keys, loaded; None if they are wrong, or nobody knows them.
        failure: Why the class cannot be imported, as one line with its file; None if it can, or if there is none.
    """

    values: dict[str, Any] | None
    found: type[Any] | None
    options: Mapping[str, Any] | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ClassTables:
    """How tables of one kind are loaded.

    Attributes:
        schema: The keys that all of them have.
        class_key: The one of them that names the class.
        registry: Where the class is found.
        keywords: Whether a class without `options_schema` takes its own keys as keyword arguments. If not, it has none.
    """

    schema: Schema
    class_key: str
    registry: Registry[Any]
    keywords: bool = False

    def load(self, table: Mapping[str, Any], path: KeyPath, report: Report) -> ClassTable:
        """One table; everything wrong with it is reported."""
        common = {key: value for key, value in table.items() if key in keys_of(self.schema)}
        own = {key: value for key, value in table.items() if key not in common}
        name = table.get(self.class_key)
        key = (*path, self.class_key)
        try:
            found = find_class(self.registry, name, key, report) if isinstance(name, str) else None
        except ImportFailed as error:
            return ClassTable(load_table(self.schema, common, path, report), None, None, mask(error.message))
        misspelt = self._report_misspelt(own, path, report) if found is None else []
        values = load_table(self.schema, common, path, report, misspelt=misspelt)
        return ClassTable(values, found, self._options(found, own, path, report) if found else None)

    def _report_misspelt(self, own: Mapping[str, Any], path: KeyPath, report: Report) -> list[str]:
        """Without the class nobody knows its keys; what is close to a common key is reported all the same."""
        meant = {key: closest(key, keys_of(self.schema)) for key in own}
        for key, close in meant.items():
            if close:
                report.unknown_key((*path, key), keys_of(self.schema))
        return [close for close in meant.values() if close]

    def _options(
        self, found: type[Any], own: Mapping[str, Any], path: KeyPath, report: Report
    ) -> Mapping[str, Any] | None:
        schema = own_schema(found)
        if schema is None and self.keywords:
            return self._keyword_arguments(found, own, path, report)
        loaded = load_table(schema or Schema(), own, path, report, further_keys=keys_of(self.schema))
        return loaded if isinstance(loaded, Mapping) else None

    def _keyword_arguments(
        self, found: type[Any], own: Mapping[str, Any], path: KeyPath, report: Report
    ) -> Mapping[str, Any] | None:
        parameters = _keyword_parameters(found)
        names = [parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
        unknown = [key for key in own if key not in names] if len(names) == len(parameters) else []
        required = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
        missing = [name for name in required if name in names and name not in own]
        meant = {closest(key, names) for key in unknown}
        for key in unknown:
            report.unknown_key((*path, key), [*names, *keys_of(self.schema)])
        for name in missing:
            if name not in meant:
                report.wrong((*path, name), "is missing")
        return None if unknown or missing else own


def find_class(registry: Registry[Any], name: str, path: KeyPath, report: Report) -> type[Any] | None:
    """The class that the name at `path` stands for; None, and a report, if it stands for none.

    Raises:
        ImportFailed: It is there, and fails when it is imported: what to do without it is the caller's to say.
    """
    known = registry.names()
    if ":" not in name and name not in known:
        hint = did_you_mean(name, known) or (f" There are: {', '.join(known)}." if known else "")
        report.problem(path, f"unknown {registry.kind} {quoted(name)} in {table_title(path[:-1])}.{hint}")
        return None
    try:
        return registry.get(name)
    except ImportFailed:
        raise
    except ConfigError as error:
        report.problem(path, f"{describe(path)}: {one_line(error.message)}")
        return None


def _keyword_parameters(found: type[Any]) -> list[inspect.Parameter]:
    """What a class can be made with by name, apart from the `client` that is handed to a class that asks models."""
    taken = ("client",) if getattr(found, "asks_models", False) else ()
    kinds = (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.VAR_KEYWORD,
    )
    parameters = inspect.signature(found).parameters.values()
    return [parameter for parameter in parameters if parameter.kind in kinds and parameter.name not in taken]


def own_schema(found: type[Any]) -> Schema | None:
    """A class's `options_schema`, ready to load; None if it has none."""
    schema = getattr(found, "options_schema", None)
    return schema() if isinstance(schema, type) and issubclass(schema, Schema) else None
