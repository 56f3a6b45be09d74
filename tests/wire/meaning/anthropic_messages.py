"""A message, by https://docs.anthropic.com/en/api/messages."""

import json

from wire.meaning.framing import server_sent
from wire.meaning.said import Said, call, number, word

ENDPOINTS = ("messages",)
REASONS = {
    "length": ("max_tokens", "model_context_window_exceeded"),
    "tool_calls": ("tool_use",),
    "content_filter": ("refusal",),
}
events = server_sent


def whole(body):
    if body.get("type") == "error":
        return None
    blocks, usage = body["content"], body.get("usage")
    calls = [block for block in blocks if block["type"] == "tool_use"]
    cached = number(usage, "cache_read_input_tokens")
    return Said(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        calls=tuple(call(block["name"], block["input"]) for block in calls),
        reason=word(REASONS, body["stop_reason"]),
        input=number(usage, "input_tokens") + cached + number(usage, "cache_creation_input_tokens"),
        output=number(usage, "output_tokens"),
        cached=cached,
        reasoning=number(usage, "output_tokens_details", "thinking_tokens"),
        thoughts="".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        ids=tuple(block["id"] for block in calls),
    )


def streamed(events):
    message = assembled(events)
    return message and whole(message)


def assembled(events):
    """The whole message that a stream adds up to; None if it broke off."""
    message, pieces, stopped = {}, {}, False
    for event in events:
        if event["type"] == "error":
            return None
        if event["type"] == "message_start":
            message = {**event["message"], "content": []}
        elif event["type"] == "content_block_start":
            message["content"].append(dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            add(message["content"][event["index"]], event["delta"], pieces)
        elif event["type"] == "message_delta":
            message["stop_reason"] = event["delta"]["stop_reason"]
            given = {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
            message["usage"] = {**message["usage"], **given}
        stopped = stopped or event["type"] == "message_stop"
    for block in message.get("content", ()):
        if id(block) in pieces:
            block["input"] = json.loads(pieces[id(block)] or "{}")
    return message if stopped else None


def add(block, delta, pieces):
    for name in ("text", "thinking", "signature"):
        if name in delta:
            block[name] = block.get(name, "") + delta[name]
    if "partial_json" in delta:
        pieces[id(block)] = pieces.get(id(block), "") + delta["partial_json"]
