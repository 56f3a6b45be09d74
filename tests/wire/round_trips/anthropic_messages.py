"""Anthropic's messages, there and back."""

from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

ENDPOINTS = ("messages",)
CLIENT, PROVIDER = AnthropicMessagesClient(), AnthropicMessagesProvider()
INVENTED = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}

FIGURES = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def path_of(record):
    """What the path said, where a dialect puts the model there."""
    return {}


def same_stream(written, recorded):
    """What of a stream is compared, where it is not the list of its events: both sides' (type, JSON)."""
    return written, recorded


def one_text_is_a_string(value):
    if not isinstance(value, dict):
        return value
    single = {
        name: value[name][0]["text"]
        for name in ("content", "system")
        if isinstance(value.get(name), list) and len(value[name]) == 1 and set(value[name][0]) == {"type", "text"}
    }
    return {**value, **single}


def no_stream_is_not_said(value):
    if isinstance(value, dict) and value.get("stream") is False and "messages" in value:
        return {name: member for name, member in value.items() if name != "stream"}
    return value


def output_format_is_in_output_config(value):
    if isinstance(value, dict) and "output_format" in value:
        value = dict(value)
        value["output_config"] = {**value.get("output_config", {}), "format": value.pop("output_format")}
    return value


def neighbours_are_one(value):
    if not isinstance(value, dict) or "messages" not in value:
        return value
    turns = []
    for message in value["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1]["role"] == message["role"] != "system":
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({**message, "content": list(blocks)})
    return {**value, "messages": turns}


REQUESTS = {
    "A content, or a `system`, that is a list of one text is written as a string.": one_text_is_a_string,
    "`stream: false` is left out.": no_stream_is_not_said,
    "`output_format` is written where it stands now, in `output_config`.": output_format_is_in_output_config,
    "Neighbouring turns of one role are written as one, as the vendor reads them.": neighbours_are_one,
}
ANSWERS = {}


def is_stream(value):
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and value[0][0] == "message_start"


def first_message_only(value):
    if not is_stream(value):
        return value
    kinds = [kind for kind, _ in value]
    return value[: kinds.index("message_stop") + 1]


def figures_are_said_at_the_end(value):
    if not is_stream(value):
        return value
    figures = {}
    for kind, event in value:
        if kind == "message_start":
            figures.update({name: n for name, n in event["message"]["usage"].items() if name in FIGURES})
        elif kind == "message_delta":
            event["usage"] = {**figures, **event["usage"]}
    return value


def one_message_start(value):
    if not is_stream(value):
        return value
    events, first, count, unclosed = [], 0, 0, set()
    for kind, event in value:
        if kind == "message_start" and events:
            events += [[CLOSE, {"type": CLOSE, "index": index}] for index in sorted(unclosed)]
            first, unclosed = count, set()
            continue
        if "index" in event:
            event = {**event, "index": first + event["index"]}
            count = max(count, event["index"] + 1)
            (unclosed.discard if kind == CLOSE else unclosed.add)(event["index"])
        events.append([kind, event])
    return events


CLOSE = "content_block_stop"


def thoughts_begin_unsigned(value):
    if isinstance(value, dict) and value.get("type") == "thinking" and value.get("thinking") == "":
        return {"signature": "", **value}
    return value


STREAMS = {
    "What follows `message_stop` is not read.": first_message_only,
    "`message_delta` repeats the figures of `message_start` that it does not replace.": figures_are_said_at_the_end,
    "A second `message_start` is not written: the vendor's clients refuse it. Its blocks are counted on from those of "
    "the first, which are closed.": one_message_start,
    "A thought begins with an empty `signature`, which the vendor's clients expect.": thoughts_begin_unsigned,
}
