"""What recordings say, read by the vendors' documents alone: none of it goes through the package."""

import base64
import json

from wire.meaning import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    gemini_generate,
    ollama_chat,
    openai_chat,
    openai_responses,
)

READERS = {
    "openai.chat": openai_chat,
    "openai.responses": openai_responses,
    "anthropic.messages": anthropic_messages,
    "gemini.generate": gemini_generate,
    "bedrock.converse": bedrock_converse,
    "ollama.chat": ollama_chat,
    "cohere.chat": cohere_chat,
}

DIALECTS = {endpoint: name for name, reader in READERS.items() for endpoint in reader.ENDPOINTS}


def dialect_of(record):
    """The dialect that a recording is in; None if it is not one of these."""
    return DIALECTS.get(record["endpoint"])


def body_of(record):
    """The answer's bytes."""
    response = record["response"]
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    return response["body_text"].encode("utf-8")


def said_in(record):
    """What a recorded answer says; None if it is an error, or broke off before its end."""
    reader, body = READERS[dialect_of(record)], body_of(record)
    if record["response"]["is_stream"]:
        return reader.streamed(reader.events(body))
    return reader.whole(json.loads(body))
