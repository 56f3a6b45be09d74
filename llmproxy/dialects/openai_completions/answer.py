"""A whole completion."""

from typing import Any

from llmproxy.core.answer import Answer
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.openai_chat.answer import head, write_usage


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A completion that says `answer`."""
    return {
        **head(request, "text_completion", "cmpl"),
        "choices": [{"index": 0, "text": answer.text, "logprobs": None, "finish_reason": answer.reason}],
        "usage": write_usage(answer.usage),
    }
