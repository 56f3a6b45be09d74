"""The body of an embeddings request, and the neutral model of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ParseError
from llmproxy.dialects.extra import given, keep, lay_over

NAME = "openai.embeddings"

_KNOWN = ("model", "input", "dimensions", "encoding_format", "user")


def read_embedding(body: Mapping[str, Any]) -> Embedding:
    """What an embeddings request asks.

    Raises:
        ParseError: Its input is neither text nor tokens, or its encoding is none that we know.
    """
    return Embedding(
        body["model"],
        _read_inputs(body["input"]),
        body.get("dimensions"),
        _read_encoding(body.get("encoding_format")),
        body.get("user"),
        keep(NAME, body, _KNOWN),
    )


def _read_inputs(given: Any) -> tuple[str | Sequence[int], ...]:
    """One text or the tokens of one, or a list of either."""
    several = given if isinstance(given, list) and not _are_tokens(given) else [given]
    if not several or not all(isinstance(each, str) or _are_tokens(each) for each in several):
        raise ParseError("input: Must be text or tokens, or a list of them that is not empty.", param="input")
    return tuple(each if isinstance(each, str) else tuple(each) for each in several)


def _are_tokens(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(type(token) is int for token in given)


def _read_encoding(said: Any) -> Literal["float", "base64"]:
    if said not in (None, "float", "base64"):
        raise ParseError("encoding_format: Must be float or base64.", param="encoding_format")
    return "base64" if said == "base64" else "float"


def write_embedding(embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
    """The body that asks for embeddings; all of it can be said."""
    body = {
        "model": embedding.model,
        "input": [each if isinstance(each, str) else list(each) for each in embedding.inputs],
        "encoding_format": embedding.encoding,
        **given(dimensions=embedding.dimensions, user=embedding.user),
    }
    return lay_over(body, embedding.extra, NAME), []
