"""Cohere's second chat, by https://docs.cohere.com/reference/chat and chat-stream."""

from wire.meaning.framing import server_sent
from wire.meaning.said import Said, call, number, word

ENDPOINTS = ("v2/chat",)
REASONS = {"length": ("MAX_TOKENS",), "tool_calls": ("TOOL_CALL",), "error": ("ERROR", "TIMEOUT")}
events = server_sent


def whole(body):
    message = body["message"]
    calls, plan = message.get("tool_calls") or (), message.get("tool_plan")
    return said(message.get("content") or (), calls, plan, body["finish_reason"], body.get("usage"))


def streamed(events):
    parts, calls, plan, end = {}, {}, "", None
    for event in events:
        kind, at, message = event["type"], event.get("index"), (event.get("delta") or {}).get("message") or {}
        if kind == "content-start":
            parts[at] = {"text": "", "thinking": "", **message["content"]}
        elif kind == "content-delta":
            for name, text in message["content"].items():
                parts[at][name] += text
        elif kind == "tool-plan-delta":
            plan += message["tool_plan"]
        elif kind == "tool-call-start":
            calls[at] = message["tool_calls"]
        elif kind == "tool-call-delta":
            calls[at]["function"]["arguments"] += message["tool_calls"]["function"]["arguments"]
        elif kind == "message-end":
            end = event["delta"]
    return said(parts.values(), calls.values(), plan, end["finish_reason"], end.get("usage")) if end else None


def said(parts, calls, plan, reason, usage):
    """What was planned before the calls is a thought."""
    return Said(
        text="".join(part.get("text") or "" for part in parts),
        calls=tuple(call(each["function"]["name"], each["function"]["arguments"]) for each in calls),
        reason=word(REASONS, reason),
        input=int(number(usage, "tokens", "input_tokens")),
        output=int(number(usage, "tokens", "output_tokens")),
        cached=int(number(usage, "cached_tokens")),
        reasoning=int(number(usage, "tokens", "reasoning_tokens")),
        thoughts="".join(part.get("thinking") or "" for part in parts) + (plan or ""),
        ids=tuple(each["id"] for each in calls),
    )
