"""OpenAI's chat completions, there and back."""

from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider

ENDPOINTS = ("chat/completions",)
CLIENT, PROVIDER = OpenAIChatClient(), OpenAIChatProvider()
INVENTED = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello"}],
    "stream_options": {"include_usage": True},
}


def path_of(record):
    """What the path said, where a dialect puts the model there."""
    return {}


def one_text_is_a_string(value):
    content = value.get("content") if isinstance(value, dict) else None
    if isinstance(content, list) and len(content) == 1 and set(content[0]) == {"type", "text"}:
        return {**value, "content": content[0]["text"]}
    return value


def one_stop_is_a_list(value):
    if isinstance(value, dict) and isinstance(value.get("stop"), str):
        return {**value, "stop": [value["stop"]]}
    return value


def nothing_is_left_out(value):
    if not isinstance(value, dict):
        return value
    empty = {"tools": [], "tool_calls": [], "stream": False, "reasoning_content": "", "reasoning": ""}
    value = {name: each for name, each in value.items() if not (name in empty and each == empty[name])}
    if value.get("content") in ("", []) and (value.get("role") != "user"):
        del value["content"]
    return value


def thoughts_are_reasoning_content(value):
    if not isinstance(value, dict):
        return value
    value = {name: each for name, each in value.items() if name != "reasoning_details"}
    if "reasoning" in value and not isinstance(value["reasoning"], dict):
        thoughts = value.pop("reasoning")
        value.setdefault("reasoning_content", thoughts)
    if isinstance(value.get("content"), list) and value["content"] and value["content"][0].get("type") == "thinking":
        thinking, *rest = value["content"]
        texts = [text["text"] for text in thinking["thinking"]]
        return {**value, "reasoning_content": "".join(texts), "content": "".join(part["text"] for part in rest)}
    return value


def functions_say_their_type(value):
    if isinstance(value, dict) and isinstance(value.get("function"), dict) and "type" not in value:
        return {**value, "type": "function"}
    return value


def image_urls_are_objects(value):
    if isinstance(value, dict) and isinstance(value.get("image_url"), str):
        return {**value, "image_url": {"url": value["image_url"]}}
    return value


def any_is_required(value):
    if isinstance(value, dict) and value.get("tool_choice") == "any":
        return {**value, "tool_choice": "required"}
    return value


def missing_ids_are_made(value):
    if isinstance(value, dict) and "function" in value and (not value.get("id") or value["id"].startswith("call_req-")):
        return {name: each for name, each in value.items() if name != "id"}
    return value


SPELLINGS = {
    "A content that is a list of one text is written as a string.": one_text_is_a_string,
    "Thoughts under `reasoning`, or in Mistral's lists, become `reasoning_content`.": thoughts_are_reasoning_content,
    "What is empty is left out: tools, calls, thoughts, the text beside a call, `stream: false`.": nothing_is_left_out,
    "A function without `type` gets the only one there is.": functions_say_their_type,
}

# A sentence for each, and what makes both sides alike: applied to every object within a request, an answer or an event.
REQUESTS = {
    **SPELLINGS,
    "A single `stop` is written as a list of one.": one_stop_is_a_list,
    "An `image_url` that is a string is written as an object.": image_urls_are_objects,
    "Mistral's `tool_choice` `any` is written in OpenAI's word, `required`.": any_is_required,
}
ANSWERS = {**SPELLINGS, "A call without an id gets one.": missing_ids_are_made}
STREAMS = {**SPELLINGS, "A call without an id gets one.": missing_ids_are_made}
STREAM_FORM = (
    "A stream is compared as what its chunks add up to: a chunk that says several things becomes several chunks, each "
    "with the id, the date and the model of the first one; calls are numbered from 0; padding (`obfuscation`, `p`) is "
    "left out, and so is usage that the request did not ask for."
)


def same_stream(written, recorded):
    written, recorded = folded(written), folded(recorded)
    if "usage" not in written:
        recorded.pop("usage", None)
    return written, recorded


def folded(events):
    """What the chunks add up to, by the rules of OpenAI's documents."""
    whole = {"choices": {}}
    for _, chunk in events:
        if chunk == "[DONE]" or "error" in chunk:
            continue
        for name, value in chunk.items():
            if name == "choices":
                for choice in value:
                    fold_choice(whole["choices"].setdefault(choice.get("index", 0), {}), choice)
            elif name == "usage":
                whole[name] = value or whole.get(name)
            elif name in ("id", "object", "created", "model", "system_fingerprint", "service_tier"):
                whole[name] = whole.get(name) or value
            elif name not in ("obfuscation", "p"):
                whole[name] = value
    for choice in whole["choices"].values():
        delta = choice["delta"]
        delta["role"] = "assistant"
        delta["tool_calls"] = list(delta.get("tool_calls", {}).values())
    return {**whole, "choices": list(whole["choices"].values())}


def fold_choice(whole, choice):
    for name, value in choice.items():
        if name == "delta":
            fold_delta(whole.setdefault("delta", {}), value)
        elif name == "logprobs" and value:
            whole.setdefault("logprobs", []).extend(value.get("content") or [])
        elif value is not None and name != "message":  # Perplexity repeats all that was said so far
            whole[name] = value


def fold_delta(whole, delta):
    for name, value in delta.items():
        if name == "tool_calls":
            calls = whole.setdefault("tool_calls", {})
            for call in value or ():
                fold_call(calls.setdefault(call.get("index", 0), {}), call)
        elif isinstance(value, str) and name != "role":
            name = "reasoning_content" if name == "reasoning" else name
            whole[name] = whole.get(name, "") + value
        elif name == "content" and value:  # Mistral's thoughts and texts
            for part in value:
                texts = [part] if part["type"] == "text" else part["thinking"]
                into = "content" if part["type"] == "text" else "reasoning_content"
                whole[into] = whole.get(into, "") + "".join(text["text"] for text in texts)
        elif value not in (None, []):
            whole[name] = value


def fold_call(whole, call):
    for name, value in call.items():
        if name == "function":
            function = whole.setdefault("function", {})
            function["name"] = function.get("name") or value.get("name")
            function["arguments"] = function.get("arguments", "") + (value.get("arguments") or "")
        elif name != "index":
            whole.setdefault(name, value)
