"""A request cannot say where it goes, nor with whose credentials: whoever tries is told so.

All of it would be ignored anyway. But a caller who names an address believes that it counts, and an upstream that is a
gateway itself may heed what we pass on.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Request

from llmproxy.core.errors import ParseError
from llmproxy.web.steering_names import HEADERS, KEY_HEADERS, MEMBERS, MEMBERS_OF_THE_BODY, QUERY

JSON = "application/json"

_ANYWHERE = frozenset({*MEMBERS, *HEADERS})
_IN_BODY = frozenset({*_ANYWHERE, *MEMBERS_OF_THE_BODY})
_IN_QUERY = frozenset(name.lower().replace("-", "_") for name in (*_ANYWHERE, *QUERY))


def _as_headers(member: str) -> Iterator[str]:
    name = member.lower().replace("_", "-")
    yield from (each for each in (name, f"x-{name}") if each not in KEY_HEADERS)


# As WSGI has them: one look at all headers of a request costs less than asking for one of them.
_IN_ENVIRON = {
    f"HTTP_{header.upper().replace('-', '_')}": header
    for header in (*HEADERS, *(header for member in MEMBERS for header in _as_headers(member)))
}
_ENVIRON_NAMES = frozenset(_IN_ENVIRON)


def check_head(request: Request) -> None:
    """Looks at a request's headers and at its query.

    Raises:
        ParseError: One of them would say where the request goes, or is a key in the URL.
    """
    if not _ENVIRON_NAMES.isdisjoint(request.environ):
        raise _refused(next(_IN_ENVIRON[name] for name in request.environ if name in _IN_ENVIRON))
    if request.query_string:
        for name in request.args:
            if name.lower().replace("-", "_") in _IN_QUERY:
                raise _refused(name)


def check_members(body: Mapping[str, Any]) -> None:
    """Looks at a body in a dialect of ours.

    Raises:
        ParseError: A member of it would say where the request goes.
    """
    if not _IN_BODY.isdisjoint(body):
        raise _refused(_first(body, _IN_BODY))
    _check_within(body, {"metadata": _ANYWHERE, "extra_body": _IN_BODY})


def check_passed(request: Request, body: bytes) -> None:
    """Looks at a body that is passed on unread to an API of somebody else's, as far as it is JSON.

    Raises:
        ParseError: A member of it would say where the request goes, and can mean nothing else.
    """
    if request.mimetype != JSON:
        return
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):  # whoever reads it will say so
        return
    if isinstance(value, dict):
        if not _ANYWHERE.isdisjoint(value):
            raise _refused(_first(value, _ANYWHERE))
        _check_within(value, {"metadata": _ANYWHERE, "extra_body": _ANYWHERE})


def _check_within(body: Mapping[str, Any], places: Mapping[str, frozenset[str]]) -> None:
    for place, names in places.items():
        members = body.get(place)
        if isinstance(members, dict) and not names.isdisjoint(members):
            raise _refused(f"{place}.{_first(members, names)}")


def _first(members: Mapping[str, Any], names: frozenset[str]) -> str:
    return next(name for name in members if name in names)


def _refused(name: str) -> ParseError:
    return ParseError(
        f"{name}: A request cannot say where it goes, nor with whose credentials, and no key belongs into a URL.",
        param=name,
    )
