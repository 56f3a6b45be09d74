"""JSON as strictly as it must be read where a parser that is laxer than the next one would be a hole: duplicate keys,
NaN, numbers beyond range, deep nesting and other encodings than UTF-8 are refused."""

import json
import math
from typing import Any

MAX_DEPTH = 64


class DuplicateKey(ValueError):
    """The same key stands twice in one object (which of them counts, differs from parser to parser)."""


def loads(body: bytes) -> Any:
    """One JSON value in UTF-8.

    Raises:
        DuplicateKey: An object holds a key twice.
        ValueError: Anything else that is not strict JSON. The message never quotes the content.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"The body is not UTF-8 (byte {error.start}).") from error
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"The body is not valid JSON: {error.msg.lower()} at {where}.") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        raise ValueError(_TOO_DEEP)
    return value


def dumps(value: Any) -> bytes:
    """JSON in ASCII, so that a lone surrogate stays the escape that it came as."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


_TOO_DEEP = f"The body is nested more than {MAX_DEPTH} levels deep."


def _deeper_than(limit: int, value: Any) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise DuplicateKey("The body holds the same key twice in one object.")
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("The body holds a number beyond the range of JSON.")
    return number


def _short(digits: str) -> int:
    if len(digits) > 4000:  # int() has a limit of its own, whose message would be about Python
        raise ValueError("The body holds a number beyond the range of JSON.")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"The body holds {name}, which is not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_int=_short, parse_constant=_no_constant
)
