"""What these dialects have in common."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from llmproxy.core.answer import Answer, Choice, Usage, Vector
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.base import ProviderDialect


class EmbeddingsDialect(ProviderDialect):
    """A dialect that embeds texts; a subclass says where its answers have their vectors and their usage."""

    purpose = "embeddings"

    @abstractmethod
    def read_vectors(self, body: Mapping[str, Any]) -> Iterable[Iterable[float]]:
        """The vectors of an answer, in the order of the texts."""

    @abstractmethod
    def read_usage(self, body: Mapping[str, Any]) -> Usage | None:
        """What an answer cost; None where it does not say."""

    def read_answer(self, body: Any) -> Answer:
        vectors = tuple(Vector(tuple(values)) for values in self.read_vectors(body))
        return Answer((Choice(vectors),), self.read_usage(body) or Usage())

    def signs(self, event: Event, whole: bool) -> Signs:
        value = event.json()
        if not isinstance(value, dict):
            raise ValueError("not an object")
        if value.get("error"):
            return Signs(error=True)
        return Signs(self.read_usage(value), finished=True, terminal=True)


def texts_of(embedding: Embedding) -> list[str]:
    """What is to be embedded.

    Raises:
        UnsupportedFeature: It is given as the numbers of tokens, which mean something to OpenAI's models alone.
    """
    texts = [text for text in embedding.inputs if isinstance(text, str)]
    if len(texts) < len(embedding.inputs):
        raise UnsupportedFeature("This target embeds texts, not the numbers of tokens.", param="input")
    return texts


def unsaid(embedding: Embedding) -> list[str]:
    """What none of these dialects has a word for."""
    return ["user"] if embedding.user is not None else []
