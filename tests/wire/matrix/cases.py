"""What is asked of each cell of the three tables, and what of it cannot be."""

from itertools import product

from wire.meaning import READERS, dialect_of
from wire.meaning.turns import Calling, Thought, given
from wire.recorded import answers
from wire.sdks import SDKS

CLIENTS = tuple(SDKS)
PROVIDERS = tuple(READERS)
FORMS = ("whole", "streamed")
FEATURES = {
    "text": "Text, the reason it ended and what it cost.",
    "tool": "A tool with its schema, its call, and the result in the next turn.",
    "parallel": "Two calls in one turn, in order and with ids of their own, and both results.",
    "image": "A picture in the user's message.",
    "system": "A system prompt.",
    "error before": "An error in the place of an answer: the SDK's own class, with the status the proxy's table says.",
    "error inside": "An answer that breaks off: an error event within a stream, a connection cut within a whole body.",
}

# Recorded answers that do not mean the same to another dialect's SDK, and why.
NO_PICTURES = "Ollama's SDK cannot read a picture in an answer, where Ollama's own documents put it."
EXCEPTIONS = {
    ("ollama.chat", "azure-e4683f4b87"): NO_PICTURES,
    ("ollama.chat", "openai-7b6808fcd1"): NO_PICTURES,
    ("gemini.generate", "openai-7b6808fcd1"): "Whoever recorded this shortened its picture, which is no base64 now.",
}

# Providers that want a turn of theirs back as they gave it.
SIGNING = ("openai.responses", "anthropic.messages", "gemini.generate", "bedrock.converse")


def features():
    """Each feature of each cell, as (client, provider, feature, form)."""
    return list(product(CLIENTS, PROVIDERS, FEATURES, FORMS))


def meanings():
    """Each recorded answer to each client of another dialect, as (client, record, what it says)."""
    return [
        (client, record, said) for client in CLIENTS for record, said in answers() if client != dialect_of(record)
    ]


def turns():
    """Each recorded turn that its provider wants back, to each client of another dialect, as (client, record)."""
    wanted = [record for record, _ in answers() if dialect_of(record) in SIGNING and is_wanted_back(record)]
    return [(client, record) for client in CLIENTS for record in wanted if client != dialect_of(record)]


def is_wanted_back(record):
    """Whether a turn holds signatures or calls."""
    return any(isinstance(item, (Thought, Calling)) or item.signature for item in given(record))


def form_of(record):
    return "streamed" if record["response"]["is_stream"] else "whole"
