"""OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings"""

from typing import Any

from llmproxy.core.answer import Answer
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.openai import OpenAIClientDialect, OpenAIProviderDialect, read_usage
from llmproxy.dialects.openai_embeddings.answer import read_answer, write_answer
from llmproxy.dialects.openai_embeddings.embedding import NAME, write_embedding
from llmproxy.dialects.openai_embeddings.request import EmbeddingsRequest
from llmproxy.dialects.openai_embeddings.schema import AnswerSchema, EmbeddingsSchema


class OpenAIEmbeddingsClient(OpenAIClientDialect):
    name = NAME
    paths = ("/v1/embeddings",)
    schema = EmbeddingsSchema()
    answer_schema = AnswerSchema()
    request_class = EmbeddingsRequest

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return write_answer(answer, request)

    def writer(self, request: LLMRequest) -> StreamWriter:
        raise UnsupportedFeature("Embeddings do not come as a stream.")


class OpenAIEmbeddingsProvider(OpenAIProviderDialect):
    name = NAME
    purpose = "embeddings"

    def write_embedding(self, embedding: Embedding) -> tuple[dict[str, Any], list[str]]:
        return write_embedding(embedding)

    def read_answer(self, body: Any) -> Answer:
        return read_answer(body)

    def signs(self, event: Event, whole: bool) -> Signs:
        value = event.json()
        if not isinstance(value, dict):
            raise ValueError("not an object")
        if value.get("error"):
            return Signs(error=True)
        if not isinstance(value.get("data"), list):
            raise ValueError("embeddings without data")
        return Signs(read_usage(self.name, value.get("usage"), *self.usage_members), finished=True, terminal=True)
