"""Gemini's embeddings. https://ai.google.dev/api/embeddings"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderError
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.embeddings.base import EmbeddingsDialect, texts_of, unsaid
from llmproxy.dialects.extra import given
from llmproxy.dialects.gemini_generate.errors import read_error
from llmproxy.dialects.gemini_generate.names import resource


class GeminiEmbedProvider(EmbeddingsDialect):
    name = "gemini.embed"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        return {"requests": list(_requests(embedding))}, unsaid(embedding)

    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        return (vector["values"] for vector in body["embeddings"])

    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        tokens = read_count((body.get("usageMetadata") or {}).get("promptTokenCount"))
        return None if tokens is None else Usage(tokens)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _requests(embedding: Embedding) -> Iterator[dict[str, Any]]:
    """A request for each text; each repeats the model of the path."""
    model = resource(embedding.model)
    for text in texts_of(embedding):
        content = {"parts": [{"text": text}]}
        yield {"model": model, "content": content, **given(outputDimensionality=embedding.dimensions)}
