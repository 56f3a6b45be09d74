"""What an upstream says, whatever its dialect."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TOOL = "look_up"
ARGUMENTS = {"city": "Paris"}
"""What the upstream wants to have called, where it asks for a tool."""

COUNTED = (5, 7)
"""Tokens of input and of output, as the upstreams of ours count them."""


def asked_for_stream(path: str, body: Any) -> bool:
    """Whether the body says `stream`, as most dialects have it."""
    return isinstance(body, dict) and body.get("stream") is True


def error_object(type: str, message: str) -> dict[str, Any]:
    """An error as most hosts say it."""
    return {"error": {"message": message, "type": type}}


def nothing(*told: str) -> bytes:
    """For what an upstream does not say."""
    return b""


@dataclass(frozen=True, slots=True)
class Words:
    """What an upstream says when nothing is wrong, which is what most faults spoil; `dataclasses.replace` gives
    another's.

    An upstream that nobody knows is described by one function, `answer`; one that streams, by `say` and `finish` too.

    Attributes:
        answer: A whole answer that says this text: JSON, or bytes as they are.
        say: One event of a stream that says this text, the end of the event included.
        events: The first events of a stream, which say "one " and "two". Empty: what `say` makes of those.
        finish: The events that say that the answer is complete, usage last.
        done: The event after which nothing comes.
        call: Events of a call of `look_up` whose arguments are not complete.
        call_rest: The events that complete it, and the stream.
        calling: A whole answer with that call.
        error: The body of an error: its type, then its message.
        error_event: An error event: its type, then its message.
        ping: What keeps a silent stream alive.
        counted: The tokens of input and of output that its usage says; None: none.
        streams: Whether a request, by its path and its body, asks for a stream.
        media, stream_media: Content types of a whole answer and of a stream.
    """

    answer: Callable[[str], Any]
    say: Callable[[str], bytes] = nothing
    events: tuple[bytes, ...] = ()
    finish: tuple[bytes, ...] = ()
    done: bytes = b""
    call: tuple[bytes, ...] = ()
    call_rest: tuple[bytes, ...] = ()
    calling: Any = None
    error: Callable[[str, str], dict[str, Any]] = error_object
    error_event: Callable[[str, str], bytes] = nothing
    ping: bytes = b""
    counted: tuple[int, int] | None = None
    streams: Callable[[str, Any], bool] = asked_for_stream
    media: str = "application/json"
    stream_media: str = "text/event-stream"

    def __post_init__(self) -> None:
        if not self.events and self.say is not nothing:
            object.__setattr__(self, "events", (self.say("one "), self.say("two")))

    def body(self, text: str = "one two") -> bytes:
        """The bytes of a whole answer."""
        return written(self.answer(text))

    def stream(self, *further: str) -> tuple[bytes, ...]:
        """A whole stream, event by event: "one ", "two", and these further texts."""
        return (*self.events, *map(self.say, further), *self.finish, *([self.done] * bool(self.done)))


def written(value: Any) -> bytes:
    """JSON, or bytes as they are."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def event(value: Any, type: str | None = None) -> bytes:
    """A server-sent event with this JSON, whose characters are not escaped."""
    head = f"event: {type}\n" if type else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
