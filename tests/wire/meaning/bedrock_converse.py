"""Amazon's Converse, by https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

import json

from wire.meaning.framing import binary
from wire.meaning.said import Said, call, number, word

ENDPOINTS = ("converse", "converse-stream")
REASONS = {
    "length": ("max_tokens", "model_context_window_exceeded"),
    "tool_calls": ("tool_use",),
    "content_filter": ("guardrail_intervened", "content_filtered"),
    "error": ("malformed_model_output", "malformed_tool_use"),
}
events = binary


def whole(body):
    blocks, usage = body["output"]["message"]["content"], body["usage"]
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    calls = [use for use in uses if use.get("type") != "server_tool_use"]
    reasoning = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    cached = number(usage, "cacheReadInputTokens")
    return Said(
        text="".join(block["text"] for block in blocks if "text" in block),
        calls=tuple(call(each["name"], each["input"]) for each in calls),
        reason=word(REASONS, body["stopReason"]),
        input=number(usage, "inputTokens") + cached + number(usage, "cacheWriteInputTokens"),
        output=number(usage, "outputTokens"),
        cached=cached,
        thoughts="".join((each.get("reasoningText") or {}).get("text", "") for each in reasoning),
        ids=tuple(each["toolUseId"] for each in calls),
    )


def streamed(events):
    body = assembled(events)
    return body and whole(body)


def assembled(events):
    """The whole answer that a stream adds up to; None if it broke off."""
    blocks, reason, usage = {}, None, None
    for kind, event in events:
        if kind == "contentBlockStart":
            use = (event.get("start") or {}).get("toolUse")
            blocks[event["contentBlockIndex"]] = {"toolUse": {**use, "input": ""}} if use else {}
        elif kind == "contentBlockDelta":
            add(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
        elif kind == "messageStop":
            reason = event["stopReason"]
        elif kind == "metadata":
            usage = event["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    message = {"content": list(blocks.values())}
    return {"output": {"message": message}, "stopReason": reason, "usage": usage} if reason else None


def add(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "redactedContent" in delta.get("reasoningContent", {}):
        block["reasoningContent"] = delta["reasoningContent"]
    elif "reasoningContent" in delta:
        reasoning = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
        for name, value in delta["reasoningContent"].items():
            reasoning[name] = reasoning.get(name, "") + value
