"""One call, in the words of the client that made it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

from llmproxy.core import strict_json
from llmproxy.core.chat import Chat, Message, Text
from llmproxy.core.context import RequestContext
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import UnsupportedFeature

if TYPE_CHECKING:
    from llmproxy.core.response import ClientSide


Purpose: TypeAlias = Literal["chat", "embeddings", "count"]
"""What a request is for: an answer, vectors, or the number of its tokens."""


class LLMRequest(ABC):
    """One call. Never changed in place: every attempt at every target starts from the same request.

    A request of one's own gives `model`, `messages`, `stream`, `max_tokens` and `to_dict`; the rest has defaults. The
    `with_*` methods are what processors edit with: where one is not overridden, the edit is refused rather than lost.

    Attributes:
        dialect: The name of the dialect the body is written in; empty for one that only its provider knows.
        purpose: What it is for; one that no dialect of the target's serves is refused.
        context: What is known of the request besides its body.
        client_dialect: Who renders the answer and the errors; None leaves the provider's bytes as they are.
        header_edits: Headers to set towards the upstream; None for a value removes one.
        defaults: What the client has left out and its dialect has no place for, in the words of OpenAI's chat: it is
            said to targets that speak another dialect.
    """

    dialect: ClassVar[str] = ""
    purpose: ClassVar[Purpose] = "chat"
    context: RequestContext
    client_dialect: ClientSide | None = None
    header_edits: Mapping[str, str | None] = {}
    defaults: Mapping[str, Any] = {}

    @property
    @abstractmethod
    def model(self) -> str:
        """The model's name; empty if the client named none."""

    @property
    @abstractmethod
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, as the client's dialect writes it."""

    @property
    @abstractmethod
    def stream(self) -> bool:
        """Whether the client wants the answer in events."""

    @property
    @abstractmethod
    def max_tokens(self) -> int | None:
        """The limit of the output in tokens; None if the client set none."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The body as a copy, the caller's to change."""

    def to_json(self) -> bytes:
        """The body as it should be sent: the client's own bytes while nothing was edited."""
        return strict_json.dumps(self.to_dict())

    def to_chat(self) -> Chat:
        """What is asked, in the neutral model, for a target that speaks another dialect: as much as the members that
        every request has can say.

        Raises:
            UnsupportedFeature: It cannot be put in other words without losing the conversation.
        """
        return Chat(self.model, tuple(map(_message, self.messages)), self.stream, max_tokens=self.max_tokens)

    def to_embedding(self) -> Embedding:
        """What is to be embedded, in the neutral model, for a target that speaks another dialect.

        Raises:
            UnsupportedFeature: It asks for no embeddings.
        """
        raise UnsupportedFeature(f"A {type(self).__name__} asks for no embeddings.")

    def encode(self, body: Mapping[str, Any]) -> bytes:
        """`body` as it should be sent: as `to_json` has it, unless a provider has made it say something else."""
        return self.to_json() if body == self.to_dict() else strict_json.dumps(body)

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for usage in a stream."""
        return True

    @property
    def borrows(self) -> bool:
        """Whether the body holds signatures of another vendor than its dialect's own, carried there by us."""
        return False

    def texts(self) -> Iterator[str]:
        """Every piece of prompt text."""
        for message in self.messages:
            content = message.get("content")
            if isinstance(content, str):
                yield content

    def map_texts(self, function: Callable[[str], str]) -> Self:
        """The same call with every piece of prompt text replaced by what `function` makes of it."""
        raise self._refuse("its texts changed")

    def with_model(self, name: str) -> Self:
        """The same call to another model."""
        raise self._refuse("another model")

    def with_max_tokens(self, limit: int) -> Self:
        """The same call with another limit of its output."""
        raise self._refuse("another output limit")

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        """The same call with `text` before or after the system prompt it has, or in its place (`replace`)."""
        raise self._refuse("a system prompt")

    def with_last_user_text(self, text: str) -> Self:
        """The same call with the text of the last user message replaced."""
        raise self._refuse("its last message changed")

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        """The same call with members the client left out, which are written in the words of OpenAI's chat."""
        raise self._refuse("defaults")

    def with_headers(self, edits: Mapping[str, str | None]) -> Self:
        """The same call with headers set towards the upstream; None for a value removes one."""
        raise self._refuse("headers")

    def last_user_text(self) -> str:
        """The text of the last user message; empty if there is none."""
        for message in reversed(self.messages):
            content = message.get("content")
            if message.get("role") == "user" and isinstance(content, str):
                return content
        return ""

    def _refuse(self, what: str) -> UnsupportedFeature:
        return UnsupportedFeature(f"A {type(self).__name__} cannot be given {what}.")


def _message(said: Mapping[str, Any]) -> Message:
    role, content = said.get("role", "user"), said.get("content")
    if role not in ("system", "developer", "user", "assistant") or not isinstance(content, str):
        raise UnsupportedFeature("Only messages of plain text can be put in another dialect's words.", param="messages")
    return Message(role, (Text(content),))
