"""Ollama's own chat, there and back."""

from llmproxy.dialects.ollama_chat import OllamaChatClient, OllamaChatProvider

ENDPOINTS = ("api/chat",)
CLIENT, PROVIDER = OllamaChatClient(), OllamaChatProvider()
INVENTED = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def path_of(record):
    """What the path said, where a dialect puts the model there."""
    return {}


def what_is_empty_is_left_out(value):
    if isinstance(value, dict) and "messages" in value:
        return {name: each for name, each in value.items() if each not in ("", {}, [])}
    return value


def without_date(value):
    if isinstance(value, dict) and "done" in value:
        return {name: each for name, each in value.items() if name != "created_at"}
    return value


# A sentence for each, and what makes both sides alike: applied to every object within a request, an answer or a line.
REQUESTS = {
    "An empty `format`, `options` or `tools` is left out.": what_is_empty_is_left_out,
}
ANSWERS = {}
STREAMS = {
    "Every line bears the date of the first: to write each word's own would cost more than all the rest.": without_date,
}


def same_stream(written, recorded):
    """What of a stream is compared, where it is not the list of its events: both sides' (type, JSON)."""
    return written, recorded
