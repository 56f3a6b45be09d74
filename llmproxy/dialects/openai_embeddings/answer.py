"""Embeddings, and the neutral model of them."""

import base64
import struct
from collections.abc import Mapping
from typing import Any

from llmproxy.core.answer import Answer, Choice, Usage, Vector
from llmproxy.core.errors import ProviderError, UnsupportedFeature
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.openai import read_usage
from llmproxy.dialects.openai_embeddings.embedding import NAME


def read_answer(body: Any) -> Answer:
    """What an answer says: a vector for each input, as numbers or in base64."""
    items = sorted(body["data"], key=lambda item: item.get("index") or 0)
    vectors = tuple(_read_vector(item) for item in items)
    usage = read_usage(NAME, body.get("usage")) or Usage()
    return Answer((Choice(vectors),), usage, model=body.get("model"), extra=keep(NAME, body, ("data", "usage")))


def _read_vector(item: Mapping[str, Any]) -> Vector:
    values = item["embedding"]
    extra = keep(NAME, item, ("object", "index", "embedding"))
    return Vector(values if isinstance(values, str) else tuple(values), extra)


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """The embeddings that `answer` holds, in the encoding that was asked for.

    Raises:
        UnsupportedFeature: It holds none.
        ProviderError: What it holds cannot be put in that encoding.
    """
    vectors = [part for part in answer.parts if isinstance(part, Vector)]
    if not vectors:
        raise UnsupportedFeature("The target answers in words, not in embeddings.")
    encode = as_base64 if request.to_embedding().encoding == "base64" else as_numbers
    try:
        encoded = [encode(vector) for vector in vectors]
    except (struct.error, ValueError, OverflowError) as error:
        raise ProviderError(code="upstream_bad_response", detail="vectors that are no float32") from error
    data = [
        lay_over({"object": "embedding", "index": index, "embedding": values}, vector.extra, NAME)
        for index, (vector, values) in enumerate(zip(vectors, encoded, strict=True))
    ]
    model = request.context.model or request.model
    written = {"object": "list", "data": data, "model": model, "usage": _write_usage(answer.usage)}
    return lay_over(written, answer.extra, NAME)


def _write_usage(usage: Usage) -> dict[str, Any]:
    written = {
        "prompt_tokens": usage.input or 0,
        **given(completion_tokens=usage.output),
        "total_tokens": usage.total,
    }
    return lay_over(written, usage.extra, NAME)


def as_numbers(vector: Vector) -> list[float]:
    """A vector as a list of numbers."""
    if not isinstance(vector.values, str):
        return list(vector.values)
    packed = base64.b64decode(vector.values)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def as_base64(vector: Vector) -> str:
    """A vector as little-endian float32 in base64."""
    if isinstance(vector.values, str):
        return vector.values
    return base64.b64encode(struct.pack(f"<{len(vector.values)}f", *vector.values)).decode("ascii")
