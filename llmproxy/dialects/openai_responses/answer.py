"""A whole response."""

from typing import Any

from llmproxy.core.answer import Answer, FinishReason, Usage
from llmproxy.core.request import LLMRequest

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A response that says `answer` in one message."""
    return write_response(request, [write_message(answer.text, request)], answer.reason, answer.usage)


def write_response(
    request: LLMRequest, output: list[dict[str, Any]], reason: FinishReason | None, usage: Usage | None
) -> dict[str, Any]:
    """A response object; without a reason it is still in progress."""
    why = _INCOMPLETE.get(reason or "")
    body = request.to_dict()
    return {
        "id": f"resp_{request.context.id}",
        "object": "response",
        "created_at": int(request.context.received_at),
        "status": "in_progress" if reason is None else "incomplete" if why else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "model": request.context.model or request.model,
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "temperature": body.get("temperature"),
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p"),
        "usage": None if usage is None else write_usage(usage),
    }


def write_message(text: str | None, request: LLMRequest) -> dict[str, Any]:
    """An output message; without a text it has only begun."""
    return {
        "id": f"msg_{request.context.id}",
        "type": "message",
        "role": "assistant",
        "status": "in_progress" if text is None else "completed",
        "content": [] if text is None else [write_part(text)],
    }


def write_part(text: str) -> dict[str, Any]:
    """A part of a message."""
    return {"type": "output_text", "text": text, "annotations": []}


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the members of this dialect."""
    said, made = usage.input or 0, usage.output or 0
    return {
        "input_tokens": said,
        "input_tokens_details": {"cached_tokens": usage.cached or 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": said + made,
    }
