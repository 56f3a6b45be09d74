"""A streamed response: every event says its type twice and its number once."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Appended, Counted, Delta, End, FinishReason, Start, Usage
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_responses.answer import write_message, write_part, write_response


def write_stream(deltas: Iterable[Delta], request: LLMRequest) -> Iterator[Event]:
    """The events that say `deltas` in one message."""
    numbers = itertools.count()
    texts: list[str] = []
    usage: Usage | None = None
    reason: FinishReason = DEFAULT_REASON
    at = {"item_id": write_message(None, request)["id"], "output_index": 0, "content_index": 0}

    def event(kind: str, **members: Any) -> Event:
        return Event.of_json({"type": kind, "sequence_number": next(numbers), **members}, kind)

    for delta in deltas:
        if isinstance(delta, Start):
            response = write_response(request, [], None, None)
            yield event("response.created", response=response)
            yield event("response.in_progress", response=response)
            yield event("response.output_item.added", output_index=0, item=write_message(None, request))
            yield event("response.content_part.added", **at, part=write_part(""))
        elif isinstance(delta, Appended):
            texts.append(delta.text)
            yield event("response.output_text.delta", **at, delta=delta.text, logprobs=[])
        elif isinstance(delta, Counted):
            usage = delta.usage
        elif isinstance(delta, End):
            reason = delta.reason
    text = "".join(texts)
    message = write_message(text, request)
    yield event("response.output_text.done", **at, text=text, logprobs=[])
    yield event("response.content_part.done", **at, part=write_part(text))
    yield event("response.output_item.done", output_index=0, item=message)
    response = write_response(request, [message], reason, usage or Usage())
    yield event(f"response.{response['status']}", response=response)
