"""A response, by https://platform.openai.com/docs/api-reference/responses."""

from wire.meaning.framing import server_sent
from wire.meaning.said import Said, call, number

ENDPOINTS = ("responses",)
events = server_sent


def whole(body):
    if body.get("status") not in ("completed", "incomplete"):
        return None
    items = body["output"]
    contents = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    reasoning = [item for item in items if item["type"] == "reasoning"]
    thoughts = [part for item in reasoning for part in (*item.get("summary", ()), *(item.get("content") or ()))]
    usage = body.get("usage")
    return Said(
        text="".join(part["text"] for part in contents if part["type"] == "output_text"),
        refusal="".join(part["refusal"] for part in contents if part["type"] == "refusal"),
        calls=tuple(call(item["name"], item["arguments"]) for item in calls),
        reason=reason(body, calls),
        input=number(usage, "input_tokens"),
        output=number(usage, "output_tokens"),
        cached=number(usage, "input_tokens_details", "cached_tokens"),
        reasoning=number(usage, "output_tokens_details", "reasoning_tokens"),
        thoughts="".join(part["text"] for part in thoughts),
        ids=tuple(item["call_id"] for item in calls),
    )


def streamed(events):
    body = assembled(events)
    return body and whole(body)


def assembled(events):
    """The whole response, which the last event repeats; None if there is none: the stream broke off.

    Its items are those that were told when each was done: thoughts are encrypted anew in every event.
    """
    events = list(events)
    last = [event["response"] for event in events if event["type"] in ("response.completed", "response.incomplete")]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    return {**last[-1], "output": done or last[-1]["output"]} if last else None


def reason(body, calls):
    why = (body.get("incomplete_details") or {}).get("reason")
    if why:
        return {"max_output_tokens": "length"}.get(why, why)
    return "tool_calls" if calls else "stop"
