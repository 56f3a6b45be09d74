"""An application in which echo answers, and what may be expected of each of its answers."""

import json

from llmproxy.dialects import CLIENT_DIALECTS

# Where each dialect is spoken to echo, whole and as a stream.
PATHS = {
    "anthropic.count_tokens": ("/v1/messages/count_tokens",),
    "anthropic.messages": ("/v1/messages",),
    "gemini.count_tokens": ("/v1beta/models/echo:countTokens",),
    "gemini.generate": (
        "/v1beta/models/echo:generateContent",
        "/v1beta/models/echo:streamGenerateContent",
        "/v1beta/models/echo:streamGenerateContent?alt=sse",
    ),
    "ollama.chat": ("/api/chat",),
    "openai.chat": ("/v1/chat/completions",),
    "openai.completions": ("/v1/completions",),
    "openai.embeddings": ("/v1/embeddings",),
    "openai.responses": ("/v1/responses",),
}


def post(client, path, body, **headers):
    """The answer to a body of bytes."""
    headers = {"Content-Type": "application/json", **headers}
    with client.post(path, data=body, headers=headers) as response:
        response.get_data()
        return response


def complaint(response, name):
    """What is wrong with an answer in this dialect; None where it is one, or a refusal in the dialect's shape."""
    if response.status_code == 200:
        return None
    if response.status_code >= 500:
        return f"a {response.status_code}: {response.data!r}"
    if response.mimetype != "application/json":
        return f"a refusal in {response.mimetype}"
    wrong = CLIENT_DIALECTS.get(name).error_schema.validate(json.loads(response.data))
    return f"not an error of this dialect: {wrong}" if wrong else None
