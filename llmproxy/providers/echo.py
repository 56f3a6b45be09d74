"""Echo: answers by itself, with what was asked. For trying things out; it never stands in for a real model."""

import hashlib
import re
from collections.abc import Iterator

from marshmallow import Schema, fields, validate

from llmproxy.core.answer import Answer, Appended, Closed, Counted, Delta, End, Opened, Start, Usage, Vector
from llmproxy.core.chat import Text
from llmproxy.core.estimate import estimate_tokens
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.providers.base import Provider, estimated

_DIMENSIONS = 8
_EMBEDDINGS = "openai.embeddings"


class EchoOptions(Schema):
    """Keys of its own in `[llm.*]`."""

    delay_ms = fields.Float(validate=validate.Range(min=0), load_default=0.0)


class EchoProvider(Provider):
    """Repeats the last user text, word by word, `delay_ms` apart; embeds a text by its digest."""

    options_schema = EchoOptions

    def execute(self, request: LLMRequest) -> ResponseStream:
        if request.dialect == _EMBEDDINGS:
            return self._embed(request)
        if request.purpose == "count":
            return estimated(request)
        text = request.last_user_text()
        usage = Usage(estimate_tokens(request.texts()), estimate_tokens([text]))
        if request.stream:
            return ResponseStream.say(self._play(text, usage, request), request)
        self._pause(request)
        return ResponseStream.say(Answer.of(text, usage=usage), request)

    def _play(self, text: str, usage: Usage, request: LLMRequest) -> Iterator[Delta]:
        yield Start()
        yield Opened(0, Text())
        for word in re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text]:
            self._pause(request)
            yield Appended(0, word)
        yield Closed(0)
        yield Counted(usage)
        yield End("stop")

    def _pause(self, request: LLMRequest) -> None:
        if self.options["delay_ms"]:
            request.context.wait(self.options["delay_ms"] / 1000)

    def _embed(self, request: LLMRequest) -> ResponseStream:
        vectors = [Vector(_vector(str(each))) for each in request.to_embedding().inputs]
        return ResponseStream.say(Answer.of(*vectors, usage=Usage(estimate_tokens(request.texts()))), request)


def _vector(text: str) -> tuple[float, ...]:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return tuple(round(byte / 127.5 - 1, 6) for byte in digest[:_DIMENSIONS])
