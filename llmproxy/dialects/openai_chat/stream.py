"""A streamed chat completion."""

from collections.abc import Iterable, Iterator
from typing import Any

from llmproxy.core.answer import Appended, Counted, Delta, End, Start, Usage
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_chat.answer import head, write_usage

DONE = "[DONE]"


def write_stream(deltas: Iterable[Delta], request: LLMRequest) -> Iterator[Event]:
    """The chunks that say `deltas`, with usage in a chunk of its own if the client asked for it."""
    chunk = head(request, "chat.completion.chunk")
    usage: Usage | None = None
    for delta in deltas:
        if isinstance(delta, Start):
            yield _chunk(chunk, {"role": "assistant", "content": ""})
        elif isinstance(delta, Appended):
            yield _chunk(chunk, {"content": delta.text})
        elif isinstance(delta, Counted):
            usage = delta.usage
        elif isinstance(delta, End):
            yield _chunk(chunk, {}, delta.reason)
    if usage is not None and request.wants_usage:
        yield Event.of_json({**chunk, "choices": [], "usage": write_usage(usage)})
    yield Event.of(DONE)


def _chunk(head: dict[str, Any], delta: dict[str, Any], reason: str | None = None) -> Event:
    return Event.of_json(
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
    )
