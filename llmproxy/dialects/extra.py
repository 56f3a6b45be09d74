"""What a dialect says that the neutral model has no word for: kept on reading, laid over what is written on writing."""

from collections.abc import Iterable, Mapping
from typing import Any

from llmproxy.core.chat import Extra


def keep(dialect: str, said: Mapping[str, Any], known: Iterable[str] = ()) -> Extra:
    """The members of `said` that are not `known`, under the dialect's name."""
    rest = {name: value for name, value in said.items() if name not in known}
    return {dialect: rest} if rest else {}


def keep_within(
    dialect: str, said: Mapping[str, Any], known: Iterable[str], inner: str, known_within: Iterable[str]
) -> Extra:
    """Like `keep`, where `inner` names an object in `said` of which some members are known as well."""
    within = keep(dialect, said[inner], known_within)
    rest = {name: value for name, value in said.items() if name != inner and name not in known}
    return keep(dialect, {**rest, inner: within[dialect]} if within else rest)


def kept(dialect: str, **members: Any) -> Extra:
    """These members under the dialect's name, those that are None left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return {dialect: given} if given else {}


def lay_over(written: dict[str, Any], extra: Extra, dialect: str) -> dict[str, Any]:
    """`written` with what the dialect itself had said besides; objects are joined member by member."""
    members = extra.get(dialect)
    return _joined(written, members) if members else written


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(below)
    for name, value in above.items():
        under = joined.get(name)
        joined[name] = _joined(under, value) if isinstance(under, dict) and isinstance(value, Mapping) else value
    return joined


def given(**members: Any) -> dict[str, Any]:
    """The members that have a value: None and empty tuples are what nobody said."""
    return {name: value for name, value in members.items() if value is not None and value != ()}
