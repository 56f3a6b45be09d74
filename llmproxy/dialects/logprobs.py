"""Probabilities of tokens in the form in which OpenAI's chat writes them, which others have taken over."""

from collections.abc import Iterable
from typing import Any

from llmproxy.core.chat import TokenLogprob


def read_logprobs(tokens: Any) -> tuple[TokenLogprob, ...]:
    """The probabilities of an answer's tokens."""
    return tuple(
        TokenLogprob(
            token["token"],
            token["logprob"],
            tuple(token["bytes"]) if token.get("bytes") is not None else None,
            read_logprobs(token.get("top_logprobs")),
        )
        for token in tokens or ()
    )


def write_logprobs(tokens: Iterable[TokenLogprob], *, top: bool = True) -> list[dict[str, Any]]:
    """The probabilities of an answer's tokens.

    Args:
        top: Whether those of other tokens at the same place go with them.
    """
    return [
        {
            "token": token.token,
            "logprob": token.logprob,
            "bytes": list(token.bytes) if token.bytes is not None else None,
            **({"top_logprobs": write_logprobs(token.top, top=False)} if top else {}),
        }
        for token in tokens
    ]
