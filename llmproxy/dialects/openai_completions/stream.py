"""A streamed completion."""

from collections.abc import Iterable, Iterator
from typing import Any

from llmproxy.core.answer import Appended, Counted, Delta, End, Usage
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_chat.answer import head, write_usage
from llmproxy.dialects.openai_chat.stream import DONE


def write_stream(deltas: Iterable[Delta], request: LLMRequest) -> Iterator[Event]:
    """The chunks that say `deltas`; their `object` is that of the whole answer."""
    chunk = head(request, "text_completion", "cmpl")
    usage: Usage | None = None
    for delta in deltas:
        if isinstance(delta, Appended):
            yield _chunk(chunk, delta.text)
        elif isinstance(delta, Counted):
            usage = delta.usage
        elif isinstance(delta, End):
            yield _chunk(chunk, "", delta.reason)
    if usage is not None and request.wants_usage:
        yield Event.of_json({**chunk, "choices": [], "usage": write_usage(usage)})
    yield Event.of(DONE)


def _chunk(head: dict[str, Any], text: str, reason: str | None = None) -> Event:
    return Event.of_json({**head, "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": reason}]})
