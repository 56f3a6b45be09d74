"""Figures: those of usage, and the number of a prompt's tokens where it is all that is asked for."""

from typing import Any

from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event


def read_count(value: Any) -> int | None:
    """A count we can believe: never negative, never beyond what a request could cost."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def signs_of_count(event: Event, member: str) -> Signs:
    """The signs of an answer that is a count, which stands under `member`."""
    value = event.json()
    if isinstance(value, dict) and "error" in value:
        return _ERROR
    if not isinstance(value, dict) or read_count(value.get(member)) is None:
        raise ValueError("not a count")
    return _COUNTED


_ERROR = Signs(error=True)
_COUNTED = Signs(finished=True, terminal=True)  # no usage: what is counted here is not spent
