"""Embeddings by Bedrock's InvokeModel, where every vendor's models speak their own language.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderError, UnsupportedFeature
from llmproxy.dialects.bedrock_converse.errors import read_error
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.embeddings.base import EmbeddingsDialect, texts_of, unsaid
from llmproxy.dialects.embeddings.cohere import read_floats, write_texts
from llmproxy.dialects.extra import given


class TitanEmbedProvider(EmbeddingsDialect):
    """Amazon's own models."""

    name = "bedrock.titan_embed"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        texts = texts_of(embedding)
        if len(texts) != 1:
            raise UnsupportedFeature("Titan's models embed one text a call.", param="input")
        return {"inputText": texts[0], **given(dimensions=embedding.dimensions)}, unsaid(embedding)

    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        return [body["embedding"]]

    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        tokens = read_count(body.get("inputTextTokenCount"))
        return None if tokens is None else Usage(tokens)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


class BedrockCohereEmbedProvider(EmbeddingsDialect):
    """Cohere's models."""

    name = "bedrock.cohere_embed"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        return write_texts(embedding), unsaid(embedding)

    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        return read_floats(body)

    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        return None  # it stands in a header

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)
