"""OpenAI's responses, there and back."""

from llmproxy.dialects.openai_responses import OpenAIResponsesClient, OpenAIResponsesProvider

ENDPOINTS = ("responses",)
CLIENT, PROVIDER = OpenAIResponsesClient(), OpenAIResponsesProvider()
INVENTED = {"model": "m", "input": "hello"}
DONE, ENCRYPTED = "response.output_item.done", "reasoning.encrypted_content"
REFUSED = frozenset({"background"})  # members that no other dialect has words for, and that are never left out


def path_of(record):
    """What the path said, where a dialect puts the model there."""
    return {}


def one_text_is_a_string(value):
    if isinstance(value, dict) and isinstance(value.get("content"), list) and not value.get("id"):
        parts = value["content"]
        if len(parts) == 1 and set(parts[0]) == {"type", "text"}:
            return {**value, "content": parts[0]["text"]}
    return value


def input_is_a_list(value):
    if isinstance(value, dict) and "model" in value and isinstance(value.get("input"), str):
        return {**value, "input": [{"role": "user", "content": value["input"]}]}
    return value


def system_is_instructions(value):
    if isinstance(value, dict) and isinstance(value.get("input"), list) and "instructions" not in value:
        first, *rest = value["input"]
        if first.keys() == {"role", "content"} and first["role"] == "system":
            return {**value, "instructions": first["content"], "input": rest}
    return value


def no_stream_is_nothing(value):
    if isinstance(value, dict) and value.get("stream") is False:
        return {name: each for name, each in value.items() if name != "stream"}
    return value


def reasoning_is_asked_for(value):
    if isinstance(value, dict) and "input" in value and "reasoning" in value and "include" not in value:
        return {**value, "include": [ENCRYPTED]}
    return value


def counts_are_whole(value):
    if isinstance(value, dict) and "cached_tokens" in value:
        return {"cache_write_tokens": 0, **value}
    return value


def texts_have_logprobs(value):
    if isinstance(value, dict) and value.get("type") in ("output_text", "response.output_text.done"):
        return {"logprobs": [], **value}
    return value


def no_padding(value):
    if isinstance(value, dict) and "obfuscation" in value:
        return {name: each for name, each in value.items() if name != "obfuscation"}
    return value


def encrypted_once(value):
    """The one that counts, as OpenAI says, is that of `response.output_item.done`."""
    if isinstance(value, dict) and value.get("type") == "response.output_item.added":
        return {**value, "item": without_encrypted(value["item"])}
    if isinstance(value, dict) and value.get("object") == "response":
        return {**value, "output": [without_encrypted(item) for item in value["output"]]}
    return value


def without_encrypted(item):
    return {name: value for name, value in item.items() if name not in ("encrypted_content", "fingerprint")}


def done_is_completed(value):
    if isinstance(value, dict) and value.get("type") == "response.output_item.done":
        return {**value, "item": completed(value["item"])}
    if isinstance(value, dict) and value.get("object") == "response":
        return {**value, "output": [completed(item) for item in value["output"]]}
    return value


def completed(item):
    return {**item, "status": "completed"} if item["type"] == "function_call" else item


def as_it_is(value):
    return value


def reasoning_parts_are_content(value):
    if isinstance(value, dict) and str(value.get("type")).startswith("response.reasoning_part."):
        return {**value, "type": value["type"].replace("reasoning_part", "content_part")}
    return value


# A sentence for each, and what makes both sides alike: applied to every object within a request, an answer or an event.
REQUESTS = {
    "A content that is a list of one text is written as a string.": one_text_is_a_string,
    "An `input` that is a string is written as a list of one message.": input_is_a_list,
    "A plain system message at the head of `input` is written as `instructions`.": system_is_instructions,
    "`stream: false` is left out.": no_stream_is_nothing,
    "A request that says how to reason asks for `reasoning.encrypted_content` as well.": reasoning_is_asked_for,
}
ANSWERS = {
    "`cache_write_tokens` is written where it was not said, as 0.": counts_are_whole,
    "`logprobs` of a text are written where there were none, as an empty list.": texts_have_logprobs,
}
STREAMS = {  # the last three are seen to by `same_stream`
    **ANSWERS,
    "`obfuscation`, which is padding, is left out.": no_padding,
    "The encrypted reasoning of an item is what its end says; it is another one in each event.": encrypted_once,
    "A call that is done has the status `completed`.": done_is_completed,
    "`response.reasoning_part` is written as `response.content_part`.": reasoning_parts_are_content,
    "What follows the end of a response is left out.": as_it_is,
    "An item that was never said to be done is, at the end.": as_it_is,
    "Events have a type and a number where they had none, and parts are counted in their own item.": as_it_is,
}


def same_stream(written, recorded):
    """Both sides up to the end of the response, or to the error in its place."""
    recorded = up_to_the_end(recorded)
    if recorded[-1][1]["type"] == "error":
        written, recorded = written[: len(recorded) - 1], recorded[:-1]
    ended = {value["item"]["id"] for _, value in recorded if value["type"] == DONE}
    shown = [event for event in written if event[1]["type"] != DONE or event[1]["item"]["id"] in ended]
    named = all(kind == value["type"] for kind, value in recorded)
    numbered = all("sequence_number" in value for _, value in recorded) and len(shown) == len(written)
    return told(shown, named, numbered), told(recorded, named, numbered)


def up_to_the_end(events):
    ends = ("response.completed", "response.incomplete", "error")
    end = next(number for number, (_, value) in enumerate(events) if value["type"] in ends)
    return events[: end + 1]


def told(events, named, numbered):
    """Events without what the recorded ones do not have, or have wrong."""
    left_out = {*(() if numbered else ("sequence_number",)), *(() if named else ("content_index",))}
    return [
        (kind if named else None, {name: each for name, each in value.items() if name not in left_out})
        for kind, value in events
    ]
