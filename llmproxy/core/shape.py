"""Whether values of the neutral model are of the types that it says.

Dialects read what they know and look no closer at it: whoever wrote a number for a text is found out here, once for all
of them, before anything is made of it.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

NONSENSE = (LookupError, TypeError, ValueError, AttributeError)
"""What reading raises where something is not what its dialect has there."""


def check(value: Any) -> None:
    """Refuses a dataclass that does not hold what its annotations say, at any depth.

    Raises:
        TypeError: It does not.
    """
    name = misfit(value)
    if name is not None:
        raise TypeError(f"{type(value).__name__}.{name} is of another type")


def misfit(value: Any) -> str | None:
    """The first field of a dataclass that does not hold what its annotation says, by itself or within it; None if all
    do."""
    for name, plain, fits in _checks_of(type(value)):  # type: ignore[arg-type]  # mypy sees the __hash__ of instances
        member = getattr(value, name)
        if type(member) not in plain and not fits(member):
            return name
    return None


class _Check(NamedTuple):
    """What one field may hold.

    Attributes:
        name: The field's.
        plain: Types of which any value will do, None's among them.
        fits: Whether a value of another type will do.
    """

    name: str
    plain: frozenset[type[Any]]
    fits: Callable[[Any], bool]


@functools.cache
def _checks_of(kind: type[Any]) -> tuple[_Check, ...]:
    """The checks of a dataclass. `extra` needs none: dialects make it."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind) if field.name != "extra"]
    checks = ((name, tuple(_alternatives(hints[name]))) for name in names)
    return tuple(_Check(name, _plain(hints), _deeper(hints)) for name, hints in checks if Any not in hints)


def _alternatives(hint: Any) -> Iterator[Any]:
    """The types that a hint allows, one by one."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for each in typing.get_args(hint):
            yield from _alternatives(each)
    elif hint is float:
        yield from (int, float)
    else:
        yield Any if hint is object else hint


def _plain(hints: tuple[Any, ...]) -> frozenset[type[Any]]:
    """Those of the types that have no further parts."""
    return frozenset(hint for hint in hints if not typing.get_origin(hint) and not dataclasses.is_dataclass(hint))


def _deeper(hints: tuple[Any, ...]) -> Callable[[Any], bool]:
    """A function that says whether a value fits that is of none of the plain types."""
    models = frozenset(hint for hint in hints if dataclasses.is_dataclass(hint))
    others = [(typing.get_origin(hint), typing.get_args(hint)) for hint in hints if typing.get_origin(hint)]
    words = frozenset(word for origin, arguments in others if origin is Literal for word in arguments)
    items = next((_items_fit(arguments[0]) for origin, arguments in others if origin is tuple), None)
    is_mapping = any(origin is Mapping for origin, _ in others)

    def fits(value: Any) -> bool:
        kind = type(value)
        if kind in models:
            return misfit(value) is None
        if kind is tuple and items is not None:
            return items(value)
        if kind is str:
            return value in words
        return is_mapping and isinstance(value, Mapping)

    return fits


def _items_fit(hint: Any) -> Callable[[tuple[Any, ...]], bool]:
    hints = tuple(_alternatives(hint))
    plain, fits = _plain(hints), _deeper(hints)
    return lambda items: not items or all(type(item) in plain or fits(item) for item in items)
