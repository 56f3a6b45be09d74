"""What one line of the file says of another: names that must exist, names that must not exist twice. All of it looks at
the tables as they were written, so that a mistake in one key does not hide one in the next."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from llmproxy.config.addresses import has_control
from llmproxy.config.complaints import keys_of
from llmproxy.config.document import Document
from llmproxy.config.locate import KeyPath
from llmproxy.config.models import normal_prefix
from llmproxy.config.report import NAMED_TABLES, Report, closest, quoted, table_title
from llmproxy.config.schemas import SCHEMAS, ServerSchema


def check_tables(document: Document, report: Report) -> None:
    """Every table is one of ours, and is a table."""
    for name, content in document.data.items():
        if name not in SCHEMAS:
            report.problem((name,), _unknown_table(name, content))
        elif name == "route":
            _check_list_of_tables(content, report)
        elif not isinstance(content, Mapping):
            report.problem((name,), f"{name} must be a table: {table_title((name,))}")
        elif name in NAMED_TABLES:
            _check_table_of_tables(name, content, report)


def check_names(document: Document, report: Report) -> None:
    """Names can be written on one line, those of llms without a slash, and no llm is called like a model."""
    for kind in NAMED_TABLES:
        for name, _ in document.tables(kind):
            if not name.strip() or has_control(name):
                _report_name((kind, name), "must be a text that can be printed", report)
    llms = dict(document.tables("llm"))
    for name in llms:
        if "/" in name:
            _report_name(("llm", name), 'must hold no "/"', report)
    for name, _ in document.tables("model"):
        if name in llms:
            _report_name(("model", name), f"is that of {table_title(('llm', name))} already", report)
    for name, _ in document.tables("price"):
        if "/" not in name:
            _report_name(("price", name), 'must be "llm/model"', report)


def check_references(document: Document, llms: Collection[str], report: Report) -> None:
    """The llms, models and processors that are named somewhere exist.

    Args:
        document: What was written.
        llms: Every llm there is, those that are off included.
        report: Takes the problems.
    """
    known = {
        "llm": llms,
        "llm or model": [*llms, *dict(document.tables("model"))],
        "processor": list(dict(document.tables("processor"))),
    }
    for reference in _references(document):
        if reference.name not in known[reference.kind]:
            report.unknown(reference.path, reference.kind, reference.name, known[reference.kind])


def check_doubles(document: Document, report: Report) -> None:
    """No path prefix and no client's secret stands for two things."""
    prefixes = [
        (("route", index, "path_prefix"), normal_prefix(prefix))
        for index, route in document.routes()
        for _, prefix in _texts(route, "path_prefix")
    ]
    for path, first in _doubles(prefixes):
        line = document.lines.of(first)
        report.problem(path, f"path_prefix in [[route]] is there already{f', in line {line}' if line else ''}")
    secrets = [
        (("client", name, "token_env"), variable)
        for name, client in document.tables("client")
        for _, variable in _texts(client, "token_env")
    ]
    for path, first in _doubles(secrets):
        report.wrong(path, f"is that of {table_title(first[:2])} already")


def _report_name(path: KeyPath, predicate: str, report: Report) -> None:
    report.problem(path, f"the name of {table_title(path)} {predicate}")


class _Reference(NamedTuple):
    path: KeyPath
    kind: str
    name: str


def _references(document: Document) -> Iterator[_Reference]:
    for name, model in document.tables("model"):
        for path, target in _targets(model):
            yield _Reference(("model", name, *path), "llm", target)
    for name, _ in document.tables("price"):
        if "/" in name:
            yield _Reference(("price", name), "llm", name.partition("/")[0])
    for index, route in document.routes():
        for path, name in _texts(route, "target_llm"):
            yield _Reference(("route", index, *path), "llm or model", name)
        for path, name in _texts(route, "processors"):
            yield _Reference(("route", index, *path), "processor", name)
    for name, client in document.tables("client"):
        for path, llm in _texts(client, "passthrough"):
            yield _Reference(("client", name, *path), "llm", llm)


def _targets(model: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """The llm of each target of a model."""
    for key in ("targets", "fallback_on_context_length"):
        for path, text in _texts(model, key):
            llm, slash, _ = text.partition("/")
            if llm and slash:
                yield path, llm
    targets = model.get("targets")
    for index, target in enumerate(targets if isinstance(targets, list | tuple) else ()):
        if isinstance(target, Mapping):
            for path, llm in _texts(target, "llm"):
                yield ("targets", index, *path), llm


def _texts(table: Mapping[str, Any], key: str) -> Iterator[tuple[KeyPath, str]]:
    """The text under a key, or the texts of a list there, each with its path in the table."""
    value = table.get(key)
    if isinstance(value, str) and value:
        yield (key,), value
    for index, item in enumerate(value if isinstance(value, list | tuple) else ()):
        if isinstance(item, str) and item:
            yield (key, index), item


def _doubles(found: Iterable[tuple[KeyPath, str]]) -> Iterator[tuple[KeyPath, KeyPath]]:
    """The path of each value that was there before, and the path where it was."""
    first: dict[str, KeyPath] = {}
    for path, value in found:
        if value in first:
            yield path, first[value]
        else:
            first[value] = path


def _unknown_table(name: str, content: object) -> str:
    if isinstance(content, Mapping) or (isinstance(content, list) and isinstance(next(iter(content), None), Mapping)):
        close = closest(name, SCHEMAS)
        return f"unknown table {table_title((name,))}" + (f". Did you mean {table_title((close,))}?" if close else "")
    close = closest(name, keys_of(ServerSchema()))
    hint = f". Did you mean {quoted(close)} in [server]?" if close else ""
    return f"unknown key {quoted(name)} outside of any table{hint}"


def _check_list_of_tables(content: object, report: Report) -> None:
    if not isinstance(content, list | tuple):
        report.problem(("route",), "route must be a list of tables: [[route]]")
        return
    for index, item in enumerate(content):
        if not isinstance(item, Mapping):
            report.problem(("route", index), "route must be a list of tables: [[route]]")


def _check_table_of_tables(kind: str, content: Mapping[str, Any], report: Report) -> None:
    for name, item in content.items():
        if not isinstance(item, Mapping):
            report.problem((kind, name), f"{quoted(name)} in [{kind}] must be a table: {table_title((kind, name))}")
