"""A chat completion, by https://platform.openai.com/docs/api-reference/chat and the compatible hosts' documents."""

from wire.meaning.framing import server_sent
from wire.meaning.said import Said, call, number, word

ENDPOINTS = ("chat/completions",)
REASONS = {
    "length": ("length", "model_length"),
    "tool_calls": ("tool_calls", "function_call"),
    "content_filter": ("content_filter",),
    "error": ("error",),
}
events = server_sent


def whole(body):
    if "choices" not in body:
        return None
    choice = body["choices"][0]
    message = choice["message"]
    calls = message.get("tool_calls") or ()
    return said(choice.get("finish_reason"), body.get("usage"), message, calls)


def streamed(chunks):
    message, calls, reason, usage = {}, {}, None, None
    for chunk in chunks:
        if chunk.get("error"):
            return None
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                add(message, calls, choice.get("delta") or {})
                reason = choice.get("finish_reason") or reason
    return said(reason, usage, message, calls.values()) if reason else None


def add(message, calls, delta):
    """Puts a delta to what was said before it."""
    for name in ("content", "refusal", "reasoning_content", "reasoning"):
        if delta.get(name):
            said_already = message.setdefault(name, type(delta[name])())
            message[name] = said_already + delta[name] if type(said_already) is type(delta[name]) else mixed(
                said_already, delta[name]
            )
    for piece in delta.get("tool_calls") or ():
        before = calls.setdefault(piece.get("index", 0), {"function": {"name": "", "arguments": ""}})
        before["id"] = before.get("id") or piece.get("id")
        before["function"]["name"] = before["function"]["name"] or piece["function"].get("name")
        before["function"]["arguments"] += piece["function"].get("arguments") or ""


def mixed(one, other):
    """Mistral's thoughts come as lists of parts, its text then as strings."""
    return parts(one) + parts(other)


def parts(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def said(reason, usage, message, calls):
    listed = parts(message.get("content") or "")
    thinking = [text["text"] for part in listed if part["type"] == "thinking" for text in part["thinking"]]
    prompt, completion = number(usage, "prompt_tokens"), number(usage, "completion_tokens")
    reasoning = number(usage, "completion_tokens_details", "reasoning_tokens")
    if reasoning and number(usage, "total_tokens") == prompt + completion + reasoning:  # xAI counts them beside it
        completion += reasoning
    return Said(
        text="".join(part["text"] for part in listed if part["type"] == "text"),
        refusal=message.get("refusal") or "",
        spoken=(message.get("audio") or {}).get("transcript", ""),
        calls=tuple(call(each["function"]["name"], each["function"]["arguments"]) for each in calls),
        reason=word(REASONS, reason),
        input=prompt,
        output=completion,
        cached=number(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning=reasoning,
        thoughts=message.get("reasoning_content") or message.get("reasoning") or "".join(thinking),
        ids=tuple(each.get("id") for each in calls),
    )
