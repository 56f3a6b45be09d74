"""The body of a completions request, and the neutral model of it: a prompt becomes a user's message."""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.chat import Chat, Message, Text
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.extra import keep

NAME = "openai.completions"

SAME = ("temperature", "top_p", "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias", "user")
_KNOWN = frozenset(SAME) | {"model", "prompt", "stream", "stream_options", "max_tokens", "stop", "logprobs"}


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a completions request asks.

    Raises:
        UnsupportedFeature: Several prompts, or tokens, which no chat can hold.
    """
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise UnsupportedFeature("A chat model takes one prompt of text.", param="prompt")
    stop = body.get("stop")
    same: dict[str, Any] = {name: body.get(name) for name in SAME}
    return Chat(
        model=body.get("model") or "",
        messages=(Message("user", (Text(prompt),)),),
        stream=body.get("stream") is True,
        max_tokens=body.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        logprobs=True if body.get("logprobs") is not None else None,
        top_logprobs=body.get("logprobs"),
        extra=keep(NAME, body, _KNOWN),
        **same,
    )
