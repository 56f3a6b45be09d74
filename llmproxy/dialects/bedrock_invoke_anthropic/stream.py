"""The events of a stream, out of the messages they come in."""

import base64
from collections.abc import Iterable, Iterator

from llmproxy.core import eventstream
from llmproxy.core.errors import ProviderError
from llmproxy.core.eventstream import Message
from llmproxy.core.sse import PAUSE, Event, Step

STREAM_TYPE = "application/vnd.amazon.eventstream"

# What Anthropic calls the failures that Bedrock reports within a stream.
_FAILURES = {
    "throttlingException": "rate_limit_error",
    "validationException": "invalid_request_error",
    "serviceUnavailableException": "overloaded_error",
    "modelTimeoutException": "timeout_error",
}


def unwrapped(chunks: Iterable[bytes | Step]) -> Iterator[Event | Step]:
    """The events as Anthropic would have sent them, and `PAUSE` after each chunk.

    Raises:
        ProviderError: A message is none, or holds no event.
    """
    for item in eventstream.decode(chunks):
        if item is PAUSE or not item.complete:
            yield item
        elif item.failed:
            yield _failure(item)
        elif item.type == "chunk":
            yield _event(item)


def _event(message: Message) -> Event:
    try:
        data = base64.b64decode(message.json()["bytes"])
        event = Event.whole(data)
        kind = event.json()["type"]
        event.raw = Event.of(data, kind).raw
    except (LookupError, TypeError, ValueError) as error:
        detail = f"a message without an event: {type(error).__name__}"
        raise ProviderError(code="upstream_bad_response", detail=detail) from error
    event.take(data, kind)
    return event


def _failure(message: Message) -> Event:
    said = message.json()
    error = {"type": _FAILURES.get(message.type, "api_error"), "message": said.get("message") or message.type}
    return Event.of_json({"type": "error", "error": error}, "error")
