"""What of a request and of its answer survives between two dialects, found out by translating it."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from llmproxy.core.answer import Answer, Choice, Usage
from llmproxy.core.chat import (
    Audio,
    Cache,
    Chat,
    Document,
    Image,
    Message,
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolResult,
)
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS

CLIENTS = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "ollama.chat")
PROVIDERS = (*CLIENTS[:4], "bedrock.converse", "ollama.chat", "cohere.chat")
MAKERS = {
    "openai.responses": "openai",
    "anthropic.messages": "anthropic",
    "bedrock.converse": "anthropic",
    "gemini.generate": "google",
}

# Of what some providers take, the model decides.
MODELS = {"anthropic.messages": "claude-sonnet-4-5", "bedrock.converse": "anthropic.claude-sonnet-4-5-v1:0"}

YES, PARTLY, NAMED, REFUSED, NO, UNSAID = "yes", "partly", "named", "refused", "no", "-"

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
HELLO = Message("user", (Text("hello"),))
F, G = Tool("f", "does f", SCHEMA), Tool("g", "does g", SCHEMA)
CALLS = (ToolCall("call_1", "f", '{"a":"b"}'), ToolCall("call_2", "g", '{"a":"c"}'))
PLAIN = Chat("some-model", (HELLO,), max_tokens=1000)
TOOLED = dataclasses.replace(PLAIN, tools=(F, G))


def said(*parts: Any) -> Chat:
    return dataclasses.replace(PLAIN, messages=(Message("user", (*parts, Text("hello"))),))


def turn(*results: ToolResult, calls: tuple[ToolCall, ...] = CALLS[:1]) -> Chat:
    messages = (HELLO, Message("assistant", calls), Message("user", results))
    return dataclasses.replace(TOOLED, messages=messages)


def result(call: str = "call_1", **members: Any) -> ToolResult:
    return ToolResult(call, (Text("sunny"),), **members)


# What a client may ask, beside the same request without it.
ASKED: dict[str, tuple[Chat, Chat]] = {
    "text": (said(Text("a")), PLAIN),
    "a system prompt": (dataclasses.replace(PLAIN, messages=(Message("system", (Text("be brief"),)), HELLO)), PLAIN),
    "an image": (said(Image(Source("image/png", data=PNG))), PLAIN),
    "an image by URL": (said(Image(Source(url="https://x.example/a.png"))), PLAIN),
    "a document": (said(Document(Source("application/pdf", data="AAAA"))), PLAIN),
    "audio": (said(Audio(Source("audio/wav", data="AAAA"))), PLAIN),
    "tools": (TOOLED, PLAIN),
    "a call and its result": (turn(result()), TOOLED),
    "parallel calls": (turn(result(), result("call_2"), calls=CALLS), turn(result())),
    "a tool's error": (turn(result(is_error=True)), turn(result())),
    "a cache point": (said(Text("a", Cache())), said(Text("a"))),
    "a JSON schema": (
        dataclasses.replace(PLAIN, response_format=ResponseFormat("schema", SCHEMA, "answer")),
        PLAIN,
    ),
    "logprobs": (dataclasses.replace(PLAIN, logprobs=True), PLAIN),
    "stop": (dataclasses.replace(PLAIN, stop=("END",)), PLAIN),
    "n": (dataclasses.replace(PLAIN, n=2), PLAIN),
}


def asked(client: str, provider: str, feature: str) -> str:
    """What becomes of a feature of a request: the dialect's own halves make the client's body."""
    with_it, without = ASKED[feature]
    own = PROVIDER_DIALECTS.get(client)()
    try:
        (body, lost), (plain, other) = own.write_request(with_it), own.write_request(without)
    except LLMProxyError:
        return UNSAID
    if lost != other or body == plain:
        return UNSAID
    reading = CLIENT_DIALECTS.get(client)()
    target = PROVIDER_DIALECTS.get(provider)()
    model = MODELS.get(provider, PLAIN.model)
    try:
        written, lost = target.write_request(dataclasses.replace(reading.read_request(body), model=model))
    except LLMProxyError:
        return REFUSED
    plain, other = target.write_request(dataclasses.replace(reading.read_request(plain), model=model))
    if lost != other:
        return NAMED if written == plain else PARTLY
    assert written != plain, f"{feature} is dropped in silence from {client} to {provider}"
    return YES


TOKEN = TokenLogprob("hi", -0.5, (104, 105))


def whole(*parts: Any, **members: Any) -> Answer:
    usage = members.pop("usage", Usage(10, 5))
    return Answer((Choice(parts, **members),), usage, "a1", "some-model")


def answers(maker: str) -> dict[str, Answer]:
    """What a model may answer; a signature is the provider's own."""
    signature = Signature("c2ln", maker)
    return {
        "text": whole(Text("hi")),
        "parallel calls": whole(*CALLS, reason="tool_calls"),
        "thinking": whole(Thinking("hm"), Text("hi")),
        "its signature": whole(Thinking("hm", signature), Text("hi")),
        "logprobs": whole(Text("hi", logprobs=(TOKEN,))),
        "usage details": whole(Text("hi"), usage=Usage(10, 5, cached=4, reasoning=3)),
        "cut short": whole(Text("hi"), reason="length"),
        "filtered": whole(Text("hi"), reason="content_filter"),
    }


ANSWERED = tuple(answers(""))


def _signature(answer: Answer) -> Any:
    signed = (part.signature for part in answer.parts if isinstance(part, (Thinking, Text)))
    return next(filter(None, signed), None)


SEEN: dict[str, Callable[[Answer], Any]] = {
    "text": lambda answer: answer.text,
    "parallel calls": lambda answer: [(call.name, json.loads(call.arguments)) for call in answer.tool_calls],
    "thinking": lambda answer: answer.thinking,
    "its signature": _signature,
    "logprobs": lambda answer: [token.logprob for part in answer.parts for token in getattr(part, "logprobs", ())],
    "usage details": lambda answer: (answer.usage.cached or 0, answer.usage.reasoning or 0),
    "cut short": lambda answer: answer.reason,
    "filtered": lambda answer: answer.reason,
}


def answered(client: str, provider: str, feature: str) -> str:
    """What becomes of a feature of an answer that the provider can give."""
    sample = provider_body(provider, feature)
    if sample is None:
        return UNSAID
    answer = PROVIDER_DIALECTS.get(provider)().read_answer(sample)
    read = PROVIDER_DIALECTS.get(client)().read_answer(client_body(client, answer))
    return YES if SEEN[feature](read) == SEEN[feature](answer) else NO


def client_body(client: str, answer: Answer) -> Any:
    """The answer as a client of this dialect gets it."""
    dialect = CLIENT_DIALECTS.get(client)()
    body, _ = PROVIDER_DIALECTS.get(client)().write_request(PLAIN)
    context = RequestContext(path={"model": "some-model", "method": "generateContent"})
    return dialect.write_answer(answer, dialect.parse(json.dumps(body).encode(), context))


def provider_body(provider: str, feature: str) -> Any:
    """An answer as this provider gives it; None where it has no word for the feature."""
    answer = answers(MAKERS.get(provider, ""))[feature]
    if provider in SAMPLES:
        return SAMPLES[provider].get(feature)
    if feature == "its signature" and provider not in MAKERS:
        return None
    body = client_body(provider, answer)
    read = PROVIDER_DIALECTS.get(provider)().read_answer(body)
    return body if SEEN[feature](read) == SEEN[feature](answer) else None


def _converse(content: list[Any], reason: str = "end_turn", **usage: int) -> Any:
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, **usage},
    }


def _cohere(reason: str = "COMPLETE", **message: Any) -> Any:
    return {
        "id": "a1",
        "finish_reason": reason,
        "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}], **message},
        "usage": {"tokens": {"input_tokens": 10, "output_tokens": 5}},
    }


_THOUGHT = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
_CALLED = [
    {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in CALLS
]
# Of the dialects that have no client half to write them with.
SAMPLES: dict[str, dict[str, Any]] = {
    "bedrock.converse": {
        "text": _converse([{"text": "hi"}]),
        "parallel calls": _converse(
            [{"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.input()}} for call in CALLS],
            "tool_use",
        ),
        "thinking": _converse([_THOUGHT, {"text": "hi"}]),
        "its signature": _converse([_THOUGHT, {"text": "hi"}]),
        "usage details": _converse([{"text": "hi"}], cacheReadInputTokens=4),
        "cut short": _converse([{"text": "hi"}], "max_tokens"),
        "filtered": _converse([{"text": "hi"}], "guardrail_intervened"),
    },
    "cohere.chat": {
        "text": _cohere(),
        "parallel calls": _cohere("TOOL_CALL", tool_calls=_CALLED),
        "thinking": _cohere(content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]),
        "cut short": _cohere("MAX_TOKENS"),
    },
}
