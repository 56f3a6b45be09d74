"""A dialect of its own, as small as one can be: one question, one answer.

    POST /ask {"model": "m", "question": "...", "stream": false}  ->  {"answer": "..."}

A stream is events of `{"piece": "..."}` and one of `{"done": true}` at the end; an error is `{"error": "..."}`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from marshmallow import fields

from llmproxy import (
    Answer,
    Appended,
    Chat,
    Closed,
    Delta,
    End,
    Event,
    LLMProxyError,
    LLMRequest,
    Message,
    Opened,
    Provider,
    ProviderError,
    ProviderRejected,
    RequestContext,
    Text,
    UnsupportedFeature,
)
from llmproxy.core.signs import Signs
from llmproxy.dialects.base import ClientDialect, JSONRequest, ProviderDialect, StreamWriter
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.losses import unsaid

NAME = "example.ask"
UNSAYABLE = ("max_tokens", "temperature", "top_p", "top_k", "stop", "seed", "tools", "response_format", "reasoning")


class AskSchema(BodySchema):
    """What a question surely holds."""

    question = fields.String(required=True)


class AskRequest(JSONRequest):
    """One question. Its text can be changed; it has no place for a system prompt or a limit."""

    dialect = NAME
    text_members = ("question",)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": self.body["question"]}]

    def with_last_user_text(self, text: str) -> "AskRequest":
        return self.with_members(question=text)


class AskClientDialect(ClientDialect):
    """The half that is spoken with clients."""

    name = NAME
    paths = ("/ask",)
    schema = AskSchema()
    request_class = AskRequest

    def read_request(self, body: Mapping[str, Any]) -> Chat:
        return Chat(body.get("model", ""), (Message("user", (Text(body["question"]),)),))

    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]:
        return {"answer": answer.text}

    def writer(self, request: LLMRequest) -> "AskWriter":
        return AskWriter()

    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        return error.status, {"error": error.message}

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        yield Event.of_json({"error": error.message})


class AskWriter(StreamWriter):
    """Writes the texts of an answer; nothing else can have been asked for."""

    def appended(self, delta: Appended) -> Iterable[Event]:
        yield Event.of_json({"piece": delta.text})

    def finish(self) -> Iterable[Event]:
        yield Event.of_json({"done": True})


class AskProviderDialect(ProviderDialect):
    """The half that is spoken with upstreams."""

    name = NAME

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        if len(chat.messages) != 1 or not all(isinstance(part, Text) for part in chat.parts()):
            raise UnsupportedFeature("This target takes one question in plain text.", param="messages")
        return {"model": chat.model, "question": chat.last_text(), "stream": chat.stream}, unsaid(chat, UNSAYABLE)

    def read_answer(self, body: Any) -> Answer:
        return Answer.of(body["answer"])

    def reader(self) -> Callable[[Event], Iterable[Delta]]:
        opened = False  # of this one stream

        def read(event: Event) -> Iterable[Delta]:
            nonlocal opened
            said = event.json()
            if not opened:
                opened = True
                yield Opened(0, Text())
            if "piece" in said:
                yield Appended(0, said["piece"])
            if said.get("done"):
                yield Closed(0)
                yield End("stop")

        return read

    def signs(self, event: Event, whole: bool) -> Signs:
        said = event.json()
        if "error" in said:
            return Signs(error=True)
        is_end = whole or said.get("done") is True
        return Signs(finished=is_end, terminal=is_end)

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        try:
            message = str(json.loads(body)["error"])
        except (ValueError, LookupError, TypeError):
            return ProviderError(detail=f"upstream status {status}")
        return ProviderRejected(message, status=status) if 400 <= status < 500 else ProviderError(detail=message)


class AskProvider(Provider):
    """Any host that speaks this dialect; another llmproxy with this package, for instance."""

    endpoints = {NAME: "/ask"}
