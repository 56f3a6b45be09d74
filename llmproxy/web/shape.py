"""In whose words a request is answered that has reached no dialect's own endpoint."""

from collections.abc import Sequence

from flask import Request

from llmproxy.dialects.base import ClientDialect
from llmproxy.dialects.lookups import Lookup


def dialect_of(request: Request, dialects: Sequence[ClientDialect]) -> ClientDialect:
    """The dialect whose paths a request's path is most like, below whatever prefix.

    Among equals it is the one whose marker the request has, else the first.
    """
    return max(dialects, key=lambda dialect: (_likeness(request.path, dialect), _has_marker(request, dialect)))


def lookup_of(request: Request, choices: Sequence[tuple[ClientDialect, Lookup]]) -> tuple[ClientDialect, Lookup]:
    """Among dialects that share a path, the one whose marker the request has, else the first without a marker."""
    marked = [choice for choice in choices if _has_marker(request, choice[0])]
    unmarked = [choice for choice in choices if choice[0].marker is None]
    return (marked or unmarked or choices)[0]


def _likeness(path: str, dialect: ClientDialect) -> int:
    """How many segments, from its first, one of the dialect's paths shares with some part of this one."""
    found = 0
    for own in (*dialect.paths, *(lookup.path for lookup in dialect.lookups)):
        segments = own.partition("<")[0].strip("/").split("/")
        while len(segments) > found and f"/{'/'.join(segments)}/" not in f"{path}/":
            segments.pop()
        found = max(found, len(segments))
    return found


def _has_marker(request: Request, dialect: ClientDialect) -> bool:
    return dialect.marker is not None and dialect.marker in request.headers
