"""An embeddings request: text or tokens, and no conversation."""

from types import MappingProxyType
from typing import Any, Self

from llmproxy.core.embedding import Embedding
from llmproxy.dialects.base import JSONRequest
from llmproxy.dialects.openai_completions.request import replace_last
from llmproxy.dialects.openai_embeddings.embedding import NAME, read_embedding


class EmbeddingsRequest(JSONRequest):
    """A call of `/v1/embeddings`. It has no system prompt and no output to limit, so those edits leave it as it is."""

    dialect = NAME
    purpose = "embeddings"
    text_members = ("input",)
    places = MappingProxyType({"user": "user"})

    @property
    def stream(self) -> bool:
        return False

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text} for text in self.texts()]

    def to_embedding(self) -> Embedding:
        return read_embedding(self.body)

    def with_max_tokens(self, limit: int) -> Self:
        return self

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        return self

    def last_user_text(self) -> str:
        return next(reversed(list(self.texts())), "")

    def with_last_user_text(self, text: str) -> Self:
        return self.with_members(input=replace_last(self.body.get("input"), text, "input"))
