"""A whole chat completion."""

from typing import Any

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.request import LLMRequest


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A chat completion that says `answer`."""
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    return {
        **head(request, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.reason}],
        "usage": write_usage(answer.usage),
    }


def head(request: LLMRequest, kind: str, prefix: str = "chatcmpl") -> dict[str, Any]:
    """What every object of an answer begins with."""
    return {
        "id": f"{prefix}-{request.context.id}",
        "object": kind,
        "created": int(request.context.received_at),
        "model": request.context.model or request.model,
    }


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the members of chat and completions."""
    prompt, completion = usage.input or 0, usage.output or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
