"""Ollama's embeddings. https://docs.ollama.com/api/embed"""

from collections.abc import Iterable, Mapping
from typing import Any

from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderError
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.embeddings.base import EmbeddingsDialect, texts_of, unsaid
from llmproxy.dialects.extra import given
from llmproxy.dialects.ollama_chat.errors import read_error


class OllamaEmbedProvider(EmbeddingsDialect):
    name = "ollama.embed"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        """A text that is too long is refused, as OpenAI refuses it, and not cut."""
        body = {
            "model": embedding.model,
            "input": texts_of(embedding),
            "truncate": False,
            **given(dimensions=embedding.dimensions),
        }
        return body, unsaid(embedding)

    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        vectors: Iterable[Iterable[float]] = body["embeddings"]
        return vectors

    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        tokens = read_count(body.get("prompt_eval_count"))
        return None if tokens is None else Usage(tokens)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
