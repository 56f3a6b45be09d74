"""A turn of the model's as its provider has it: what it gave in an answer, and what comes back in the next request.

Only what a provider can use again counts: thoughts that it signed, text, and calls of the client's tools.
"""

import json
from dataclasses import dataclass

from wire.meaning import READERS, body_of, dialect_of
from wire.meaning.said import call


@dataclass(frozen=True)
class Thought:
    """Thoughts with their signature, or encrypted ones, which are all signature."""

    text: str
    signature: str


@dataclass(frozen=True)
class Words:
    text: str
    signature: str | None = None


@dataclass(frozen=True)
class Calling:
    """A call; an id that the provider did not give is made by us and no concern of its."""

    id: str | None
    name: str
    arguments: object
    signature: str | None = None


def given(record):
    """The turn that a recorded answer is."""
    dialect, body = dialect_of(record), body_of(record)
    if not record["response"]["is_stream"]:
        return joined(ANSWERS[dialect](json.loads(body)))
    reader = READERS[dialect]
    events = list(reader.events(body))
    return joined(ANSWERS[dialect](reader.assembled(events)))


def given_back(dialect, body):
    """The turn that stands in a request as the model's."""
    return joined(REQUESTS[dialect](body))


def joined(items):
    """The turn with neighbouring texts in one: where a provider cuts them, and signs them, means nothing."""
    turn = []
    for item in items:
        before = turn[-1] if turn else None
        if isinstance(item, Words) and isinstance(before, Words) and None in (item.signature, before.signature):
            turn[-1] = Words(before.text + item.text, before.signature or item.signature)
        elif item != Words(""):
            turn.append(item)
    return turn


def of_anthropic(blocks):
    for block in blocks:
        if block["type"] == "thinking" and block.get("signature"):
            yield Thought(block["thinking"], block["signature"])
        elif block["type"] == "redacted_thinking":
            yield Thought("", block["data"])
        elif block["type"] == "text":
            yield Words(block["text"])
        elif block["type"] == "tool_use":
            yield Calling(block["id"], block["name"], block["input"])


# What Google documents for a call that nobody has signed.
UNSIGNED = (None, "skip_thought_signature_validator")


def of_gemini(parts):
    """Google pairs calls and results by their names and their order; most calls have no id."""
    for part in parts:
        signature = None if part.get("thoughtSignature") in UNSIGNED else part["thoughtSignature"]
        if "functionCall" in part:
            said = part["functionCall"]
            yield Calling(None, said["name"], said.get("args") or {}, signature)
        elif part.get("thought") and signature:
            yield Thought(part["text"], signature)
        elif "text" in part and not part.get("thought"):
            yield Words(part["text"], signature)


def of_bedrock(blocks):
    for block in blocks:
        reasoning, use = block.get("reasoningContent") or {}, block.get("toolUse") or {}
        thoughts = reasoning.get("reasoningText") or {}
        if thoughts.get("signature"):
            yield Thought(thoughts["text"], thoughts["signature"])
        elif "redactedContent" in reasoning:
            yield Thought("", reasoning["redactedContent"])
        elif "text" in block:
            yield Words(block["text"])
        elif use and use.get("type") != "server_tool_use":
            yield Calling(use["toolUseId"], use["name"], use["input"])


def of_responses(items):
    for item in items:
        kind = item.get("type", "message")
        if kind == "reasoning" and item.get("encrypted_content"):
            yield Thought("".join(part["text"] for part in item["summary"]), item["encrypted_content"])
        elif kind == "message":
            yield from (Words(part["text"]) for part in item["content"] if part["type"] == "output_text")
        elif kind == "function_call":
            yield Calling(item["call_id"], item["name"], call(item["name"], item["arguments"]).arguments)


ANSWERS = {
    "openai.responses": lambda body: of_responses(body["output"]),
    "anthropic.messages": lambda body: of_anthropic(body["content"]),
    "gemini.generate": lambda body: of_gemini(gemini_parts(body)),
    "bedrock.converse": lambda body: of_bedrock(body["output"]["message"]["content"]),
}
REQUESTS = {
    "openai.responses": lambda body: of_responses(models_items(body["input"])),
    "anthropic.messages": lambda body: of_anthropic(models(body["messages"], "content")),
    "gemini.generate": lambda body: of_gemini(models(body["contents"], "parts")),
    "bedrock.converse": lambda body: of_bedrock(models(body["messages"], "content")),
}


def gemini_parts(body):
    """The parts of an answer, or of what a stream adds up to."""
    if "parts" in body:
        return body["parts"]
    return (body["candidates"][0].get("content") or {}).get("parts") or ()


def models(messages, member):
    """What stands in the model's messages; a plain text as the block that it stands for."""
    for message in messages:
        if message["role"] in ("assistant", "model"):
            content = message[member]
            yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def models_items(items):
    """The items that are the model's."""
    for item in items:
        if item.get("role", "assistant") == "assistant" and item.get("type") != "function_call_output":
            content = item.get("content")
            yield {**item, "content": [{"type": "output_text", "text": content}]} if isinstance(content, str) else item
