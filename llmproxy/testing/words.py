"""What an upstream says when nothing is wrong, which is what most faults spoil. Here in OpenAI chat's words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """What a dialect says; `dataclasses.replace` gives another's.

    Attributes:
        answer: A whole answer that says this text.
        error: The body of an error: its type, then its message.
        events: The first events of a stream, each with its blank line.
        say: One further event that says this text.
        finish: The events that say that the answer is complete, usage last.
        done: The event after which nothing comes.
        call: Events of a tool call whose arguments are not complete.
        error_event: An error event: its type, then its message.
        ping: What keeps a silent stream alive.
        media, stream_media: Content types of a whole answer and of a stream.
    """

    answer: Callable[[str], dict[str, Any]]
    error: Callable[[str, str], dict[str, Any]]
    events: tuple[bytes, ...]
    say: Callable[[str], bytes]
    finish: tuple[bytes, ...]
    done: bytes
    call: tuple[bytes, ...]
    error_event: Callable[[str, str], bytes]
    ping: bytes = b": ping\n\n"
    media: str = "application/json"
    stream_media: str = "text/event-stream"

    def body(self, text: str = "one two") -> bytes:
        """The bytes of a whole answer."""
        return json.dumps(self.answer(text)).encode()

    def stream(self) -> tuple[bytes, ...]:
        """A whole stream, event by event."""
        return (*self.events, *self.finish, self.done)


def event(value: Any) -> bytes:
    """A server-sent event with this JSON."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


_USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
_ALL = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {**_ALL, "object": "chat.completion", "choices": choices, "usage": _USAGE}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return event({**_ALL, "object": "chat.completion.chunk", "choices": choices})


def _calling(function: dict[str, str], **members: str) -> bytes:
    return _chunk({"tool_calls": [{"index": 0, **members, "function": function}]})


def _error(type: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": type}}


OPENAI_CHAT = Words(
    answer=_completion,
    error=_error,
    events=(_chunk({"role": "assistant", "content": "one "}), _chunk({"content": "two"})),
    say=lambda text: _chunk({"content": text}),
    finish=(_chunk({}, "stop"), event({**_ALL, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})),
    done=b"data: [DONE]\n\n",
    call=(
        _calling({"name": "look_up", "arguments": ""}, id="call_1", type="function"),
        _calling({"arguments": '{"city": "Par'}),
    ),
    error_event=lambda type, message: event(_error(type, message)),
)
