"""The configuration as it was written: which file, what TOML, and where in it a key stands."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmproxy.config.locate import KeyPath, Lines
from llmproxy.core.errors import ConfigError
from llmproxy.core.origin import shown
from llmproxy.core.tokens import Environment

FILE_NAME = "llmproxy.toml"


@dataclass(frozen=True, slots=True)
class Document:
    """One configuration before anything was checked.

    Attributes:
        data: The tables. Empty without a file.
        label: How messages call it: the file as it was given, or "config" for a dict.
        path: The file, absolute; None without one.
        folder: Where relative paths start: the file's folder, or the working directory.
        lines: Where keys stand. Knows nothing of a dict.
        text: What the file says. Empty without one.
        checked: Whether it was found to be right before this process began, with the environment of that time.
    """

    data: Mapping[str, Any]
    label: str
    path: Path | None
    folder: Path
    lines: Lines = field(default_factory=Lines)
    text: str = field(default="", repr=False)
    checked: bool = False

    def place(self, path: KeyPath) -> str:
        """`llmproxy.toml:21`, or the label alone where there is no line."""
        line = self.lines.of(path)
        return f"{self.label}:{line}" if line else self.label

    def table(self, name: str) -> Mapping[str, Any]:
        """The table `[name]`; empty if it is missing or no table, which is told elsewhere."""
        found = self.data.get(name)
        return found if isinstance(found, Mapping) else {}

    def tables(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The name and content of each `[kind.NAME]`."""
        for name, table in self.table(kind).items():
            if isinstance(table, Mapping):
                yield name, table

    def routes(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The index and content of each `[[route]]`."""
        found = self.data.get("route")
        for index, table in enumerate(found if isinstance(found, list | tuple) else ()):
            if isinstance(table, Mapping):
                yield index, table

    def walk(self) -> Iterator[tuple[KeyPath, Any]]:
        """Every table, list and value with its key path."""
        yield from _walk(self.data, ())


def find_file(source: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read, as it was named: the one given, else `LLMPROXY_CONFIG`'s, else `llmproxy.toml` in the working
    directory if there is one.

    Raises:
        ConfigError: A file was named that is not there.
    """
    named = Environment([Path(".env")], environ).get("LLMPROXY_CONFIG") if source is None else source
    if named is None:
        return Path(FILE_NAME) if Path(FILE_NAME).is_file() else None
    path = Path(named)
    if not path.exists():
        origin = ", which LLMPROXY_CONFIG names" if source is None else ""
        raise ConfigError(f"{shown(path)}: there is no such file{origin}")
    return path


def read_document(path: Path) -> Document:
    """The document in a file.

    Raises:
        ConfigError: The file cannot be read, or is not TOML.
    """
    return parse_document(path, _read_text(path))


def parse_document(path: Path, text: str) -> Document:
    """The document that a file with this text is.

    Raises:
        ConfigError: It is not TOML.
    """
    # Not resolve(): a container mounts its config as a symbolic link, and the folder meant is that of the link.
    absolute = Path(os.path.abspath(path))
    return Document(_parse(text, shown(path)), shown(path), absolute, absolute.parent, Lines(text), text)


def document_of(data: Mapping[str, Any]) -> Document:
    """The document that a dict stands for."""
    return Document(data=data, label="config", path=None, folder=Path.cwd())


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown(path)}:{line}: is not UTF-8") from error


def _parse(text: str, label: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_problem(str(error), text, label)) from error
    except RecursionError as error:
        raise ConfigError(f"{label}: lists or tables are nested too deeply") from error


def _syntax_problem(message: str, text: str, label: str) -> str:
    """`tomllib` ends its messages in "(at line 3, column 5)" or "(at end of document)"."""
    what, _, where = message.rpartition(" (at ")
    numbers = [int(word) for word in where.replace(",", " ").replace(")", " ").split() if word.isdigit()]
    if len(numbers) == 2:
        return f"{label}:{numbers[0]}: {what} (column {numbers[1]})"
    return f"{label}:{len(text.splitlines()) or 1}: {what} (end of file)"


def _walk(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if path:
        yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))
