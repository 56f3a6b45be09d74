"""Ollama's own chat, by https://github.com/ollama/ollama/blob/main/docs/api.md."""

from wire.meaning.framing import lines
from wire.meaning.said import Said, call, number

ENDPOINTS = ("api/chat",)
events = lines


def whole(body):
    return streamed([body])


def streamed(objects):
    objects = list(objects)
    last = objects[-1]
    if not last.get("done"):
        return None
    messages = [each.get("message") or {} for each in objects]
    calls = [each for message in messages for each in message.get("tool_calls") or ()]
    reason = {"length": "length"}.get(last.get("done_reason"), "tool_calls" if calls else "stop")
    return Said(
        text="".join(message.get("content") or "" for message in messages),
        calls=tuple(call(each["function"]["name"], each["function"].get("arguments")) for each in calls),
        reason=reason,
        input=number(last, "prompt_eval_count"),
        output=number(last, "eval_count"),
        thoughts="".join(message.get("thinking") or "" for message in messages),
        ids=tuple(each.get("id") for each in calls),
    )
