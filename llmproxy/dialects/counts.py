"""Figures of usage."""

from typing import Any


def read_count(value: Any) -> int | None:
    """A count we can believe: never negative, never beyond what a request could cost."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None
