"""A whole completion."""

from collections.abc import Iterable
from typing import Any

from llmproxy.core.answer import Answer, Choice
from llmproxy.core.chat import Text, TokenLogprob
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.openai_chat.answer import head, write_reason, write_usage


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A completion that says `answer`."""
    return {
        **head(request, "text_completion", "cmpl"),
        "choices": [_write_choice(choice, index) for index, choice in enumerate(answer.choices)],
        "usage": write_usage(answer.usage),
    }


def _write_choice(choice: Choice, index: int) -> dict[str, Any]:
    tokens = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs]
    return {
        "index": index,
        "text": choice.text,
        "logprobs": write_logprobs(tokens) if tokens else None,
        "finish_reason": write_reason(choice.reason),
    }


def write_logprobs(tokens: Iterable[TokenLogprob], offset: int = 0) -> dict[str, Any]:
    """The probabilities of an answer's tokens: four lists, side by side.

    Args:
        offset: How many characters of the text came before.
    """
    tokens = list(tokens)
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{other.token: other.logprob for other in token.top} for token in tokens],
        "text_offset": offsets,
    }
