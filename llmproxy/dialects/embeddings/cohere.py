"""Cohere's embeddings, version 2. https://docs.cohere.com/reference/embed"""

from collections.abc import Iterable, Mapping
from typing import Any

from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderError
from llmproxy.dialects.cohere_chat.errors import read_error
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.embeddings.base import EmbeddingsDialect, texts_of, unsaid
from llmproxy.dialects.extra import given


class CohereEmbedProvider(EmbeddingsDialect):
    name = "cohere.embed"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        return {"model": embedding.model, **write_texts(embedding), "embedding_types": ["float"]}, unsaid(embedding)

    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        return read_floats(body)

    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        units = (body.get("meta") or {}).get("billed_units") or {}  # nothing else is counted here
        tokens = read_count(units.get("input_tokens"))
        return None if tokens is None else Usage(tokens)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def write_texts(embedding: Embedding) -> dict[str, Any]:
    """What is asked wherever the model runs. A text that is too long is refused, as OpenAI refuses it, and not cut."""
    return {
        "texts": texts_of(embedding),
        "input_type": "search_document",
        "truncate": "NONE",
        **given(output_dimension=embedding.dimensions),
    }


def read_floats(body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
    """The vectors, which stand by their type where types were asked for."""
    vectors: Any = body["embeddings"]
    found: Iterable[Iterable[float]] = vectors["float"] if isinstance(vectors, dict) else vectors
    return found
