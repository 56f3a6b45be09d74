"""Bodies that are almost right, and values that are wrong almost anywhere."""

import copy
import json

from hypothesis import strategies as st

# What breaks parsers, arithmetic, encoders and recursion.
AWKWARD = [
    None, True, False, 0, -1, 2**63, -(2**70), 10**300, 1e308, 1.0, 0.5, "", " ", "\ud800", "a\udfff", "\x00", "\ufeff",
    "\u2028", "x" * 5000, "data:image/png;base64,!", "data:,", "http://[::1", "{", "[]", [], {}, [[]], [{}], [None],
    {"type": None}, {"type": "text"}, {"type": "text", "text": None}, {"": ""}, {"text": "\ud800"},
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
JSON = st.sampled_from(AWKWARD).map(copy.deepcopy) | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def nested(depth):
    """A value so many levels deep."""
    value = {}
    for level in range(depth):
        value = [value] if level % 2 else {"type": "text", "content": value}
    return value


DEEP = st.integers(1, 80).map(nested)


def places(value, path=()):
    """The path of everything within a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


@st.composite
def mutated(draw, value):
    """The value with some of what is in it, at any depth, replaced, taken out, doubled, or moved elsewhere."""
    changed = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(changed))
        if not found:
            break
        *path, key = draw(st.sampled_from(found))
        inner = changed
        for step in path:
            inner = inner[step]
        _mutate(draw, inner, key, changed, found)
    return changed


def _mutate(draw, inner, key, whole, found):
    act = draw(st.sampled_from(["replace", "remove", "double", "move", "name"]))
    if act == "remove":
        del inner[key]
    elif act == "double" and isinstance(inner, list):
        inner.append(copy.deepcopy(inner[key]))
    elif act == "name" and isinstance(inner, dict):
        inner[draw(st.text(max_size=5) | st.sampled_from(["type", "role", "content", "text"]))] = inner.pop(key)
    elif act == "move":
        other = whole
        for step in draw(st.sampled_from(found)):
            other = other[step]
        inner[key] = copy.deepcopy(other)
    else:
        inner[key] = draw(JSON | DEEP)


def spelled(body):
    """The bytes of a body; lone surrogates as escapes."""
    return json.dumps(body).encode("ascii")


_BREAKING = [b"\xef\xbb\xbf", b"NaN", b"1e999", b"\xff", b"{", b"]", b"9" * 5000, b"[" * 200_000, b'"model":"a",']


@st.composite
def garbled(draw, body):
    """The bytes of a body, cut, or with others among them."""
    raw = spelled(body)
    place = draw(st.integers(0, len(raw)))
    added = draw(st.binary(max_size=6) | st.sampled_from(_BREAKING))
    return raw[:place] + added + draw(st.sampled_from([b"", raw[place:]]))
