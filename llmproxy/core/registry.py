"""Where names become classes: a table of built-ins, entry points, or a dotted path."""

import difflib
import functools
import importlib
import importlib.metadata
import sys
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, Generic, TypeVar

from llmproxy.core.errors import ConfigError
from llmproxy.core.origin import Place, places, shown, told

T = TypeVar("T")


class ImportFailed(ConfigError):
    """What a name stands for is there, and fails when it is imported: the fault of a plug-in, not of the configuration.

    Its one problem begins with the file and the line that failed.
    """


class Registry(Generic[T]):
    """Classes of one kind, by name.

    Built-ins and plug-ins enter by the same door: a name stands for a class, or for the `"module:Class"` that is
    imported when it is first asked for. Names that are not in the table are looked up among the entry points of
    `group`; a name with a colon is a dotted path itself.

    Args:
        kind: What the classes are, for messages ("provider").
        base: The class that every one of them derives from.
        group: The entry point group, or None for no entry points.
        builtins: Name to class or dotted path.
    """

    def __init__(self, kind: str, base: type[T], group: str | None, builtins: Mapping[str, type[T] | str]) -> None:
        self.kind = kind
        self._base = base
        self._group = group
        self._table: dict[str, type[T] | str] = dict(builtins)
        self._lock = threading.Lock()

    def add(self, name: str, entry: type[T] | str) -> None:
        """Makes `name` stand for a class, or for a dotted path to one."""
        with self._lock:
            self._table[name] = entry

    def get(self, name: str) -> type[T]:
        """The class that `name` stands for.

        Raises:
            ImportFailed: It stands for code that fails when it is imported, or for an entry point without its class.
            ConfigError: Nothing has this name, or it is not a class of this kind.
        """
        entry = self._table.get(name)
        is_point = entry is None and ":" not in name
        found = self._class_of_point(name) if is_point else self._class(name, entry or name)
        if found is not entry:
            self.add(name, found)
        return found

    def names(self) -> list[str]:
        """Every name that works without a dotted path, sorted."""
        return sorted(name for name in {*self._table, *self._entry_points()} if ":" not in name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _class_of_point(self, name: str) -> type[T]:
        """The class that an entry point stands for. If there is none, that is a mistake of whoever made the package."""
        point = self._entry_points().get(name)
        if point is None:
            close = difflib.get_close_matches(name, self.names(), n=1)
            hint = f' Did you mean "{close[0]}"?' if close else f" There are: {', '.join(self.names())}."
            raise ConfigError(f'unknown {self.kind} "{name}".{hint}')
        try:
            return self._class(name, point.value)
        except ImportFailed:
            raise
        except ConfigError as error:
            raise ImportFailed(f"{_file_of(point.module)}{error.message}") from error

    def _class(self, name: str, entry: type[T] | str) -> type[T]:
        """The class that an entry of the table is, or leads to."""
        found = entry if isinstance(entry, type) else self._load(name, entry)
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise ConfigError(f"{self.kind} {name!r} is not a subclass of {self._base.__name__}")
        return found

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(self._group)} if self._group else {}

    def _load(self, name: str, path: str) -> Any:
        module_name, _, attribute = path.partition(":")
        try:
            found = importlib.import_module(module_name)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (Exception, SystemExit) as error:  # a plug-in may fail in any way; the config names it in one line
            message = f"{self.kind} {name!r} cannot be loaded: {told(error)}"
            place = _fault(error)
            if place is None:
                raise ConfigError(message) from error
            raise ImportFailed(f"{place}: {message}") from error
        return found


def entry_points(group: str) -> EntryPoints:
    """What the installed packages offer in a group."""
    points: EntryPoints = _installed().select(group=group)
    return points


@functools.cache
def _installed() -> Any:  # of another class with each Python, and `select` in all of them
    """The same of all groups. Every package's files are read for it: once, as they stay what they are."""
    return importlib.metadata.entry_points()


def _fault(error: BaseException) -> Place | None:
    """The line of a plug-in's own that failed, be it in a library that it called; None if none of its lines ran."""
    machinery = (__file__, importlib.__file__)
    found = [place for place in places(error) if str(place.file) not in machinery]
    own = [place for place in found if place.file.parent == found[0].file.parent]
    return own[-1] if own else None


def _file_of(module_name: str) -> str:
    """The file of a module that was imported, as the beginning of a message; empty where there is none."""
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return f"{shown(Path(file))}: " if file else ""
