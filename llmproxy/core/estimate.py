"""How many tokens a text has, roughly: for limits that are checked before any model has counted."""

from collections.abc import Iterable

BYTES_PER_TOKEN = 4


def estimate_tokens(texts: Iterable[str]) -> int:
    """An estimate by length: a token for every four bytes of UTF-8, which is near the mark for English prose."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return -(-size // BYTES_PER_TOKEN)
