"""Where names become classes: a table of built-ins, entry points, or a dotted path."""

import difflib
import importlib
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from llmproxy.core.errors import ConfigError

T = TypeVar("T")


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
            ConfigError: Nothing has this name, it cannot be imported, or it is not a class of this kind.
        """
        entry = self._table.get(name)
        found = entry if isinstance(entry, type) else self._load(name, entry or self._dotted(name))
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise ConfigError(f"{self.kind} {name!r} is not a subclass of {self._base.__name__}")
        if found is not entry:
            self.add(name, found)
        return found

    def names(self) -> list[str]:
        """Every name that works without a dotted path, sorted."""
        return sorted(name for name in {*self._table, *self._entry_points()} if ":" not in name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _dotted(self, name: str) -> str:
        if ":" in name:
            return name
        point = self._entry_points().get(name)
        if point is not None:
            return point.value
        close = difflib.get_close_matches(name, self.names(), n=1)
        hint = f' Did you mean "{close[0]}"?' if close else f" There are: {', '.join(self.names())}."
        raise ConfigError(f'unknown {self.kind} "{name}".{hint}')

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._group)} if self._group else {}

    def _load(self, name: str, path: str) -> Any:
        module_name, _, attribute = path.partition(":")
        try:
            found = importlib.import_module(module_name)
            for part in attribute.split("."):
                found = getattr(found, part)
        except Exception as error:  # a plug-in's failure at import may be anything; the config names it in one line
            why = " ".join(str(error).split())
            raise ConfigError(f"{self.kind} {name!r} cannot be loaded: {type(error).__name__}: {why}") from error
        return found
