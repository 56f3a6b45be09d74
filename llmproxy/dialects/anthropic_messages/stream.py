"""A streamed message: events, and the steps of the neutral model.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmproxy.core.answer import (
    DEFAULT_REASON,
    Appended,
    Aside,
    Closed,
    Counted,
    Delta,
    End,
    Opened,
    Said,
    Signed,
    Start,
    Usage,
)
from llmproxy.core.chat import Audio, Other, Refusal, Signature, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import ALIVE, NOTHING, Signs
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.anthropic_messages.answer import (
    ENDING,
    FIGURES,
    head,
    keep_end,
    read_reason,
    read_usage,
    write_reason,
    write_said,
    write_usage,
)
from llmproxy.dialects.anthropic_messages.parts import MAKER, NAME, read_block, write_block
from llmproxy.dialects.extra import keep, lay_over
from llmproxy.dialects.serial import SerialWriter

STOP = '{"type":"message_stop"}'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'

_BLOCK, _DELTA, _CLOSE = "content_block_start", "content_block_delta", "content_block_stop"
_TEXT_MEMBERS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}

# What `message_delta` says beside its `delta` rather than within it.
_BESIDE_DELTA = ("context_management",)


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of an event, or of a whole message."""
    value = event.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    kind = value.get("type")
    if kind == _DELTA and not whole:
        return NOTHING
    if kind == "error":
        return _ERROR
    if whole:
        if not isinstance(value.get("content"), list):
            raise ValueError("a message without content")
        return Signs(read_usage(value.get("usage")), finished=True, terminal=True)
    if not isinstance(kind, str):
        raise ValueError("an event without a type")
    return _signs_of(kind, value)


_ERROR = Signs(error=True)
_TERMINAL = Signs(terminal=True)


def _signs_of(kind: str, value: Mapping[str, Any]) -> Signs:
    if kind == "message_stop":
        return _TERMINAL
    if kind == "message_delta":
        return Signs(read_usage(value.get("usage")), finished=bool(_object(value, "delta").get("stop_reason")))
    if kind == "message_start":
        return Signs(read_usage(_object(value, "message").get("usage")))
    return ALIVE if kind == "ping" else NOTHING


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = value.get(name)
    if not isinstance(member, Mapping):
        raise ValueError(f"an event without {name}")
    return member


def reader() -> Callable[[Event], list[Delta]]:
    """A function that reads the events of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream.

    Some hosts send a second `message_start`, perhaps in the middle of a block. Its blocks are counted on from those of
    the first.
    """

    def __init__(self) -> None:
        self._started = self._stopped = False
        self._first = 0
        self._open: dict[int, bool] = {}
        self._count = 0
        self._figures: dict[str, Any] = {}

    def read(self, event: Event) -> list[Delta]:
        value = event.json()
        kind = value["type"]
        if self._stopped:
            return []
        if kind == _DELTA:
            return self._delta(value)
        if kind == _BLOCK:
            return self._block(value)
        if kind == _CLOSE:
            return self._close(self._first + value["index"])
        if kind == "message_start":
            return self._message(value["message"])
        if kind == "message_delta":
            return self._end(value)
        self._stopped = kind == "message_stop"
        return [] if self._stopped else [Aside(NAME, value)]

    def _delta(self, value: Mapping[str, Any]) -> list[Delta]:
        delta, index = value["delta"], self._first + value["index"]
        kind = delta["type"]
        member = _TEXT_MEMBERS.get(kind)
        if member and (kind == "input_json_delta" or not self._open.get(index)):
            return [Appended(index, delta[member])]
        if kind == "signature_delta" and delta["signature"]:
            return [Signed(index, Signature.uncarried(delta["signature"], MAKER))]
        return [Aside(NAME, value)]

    def _message(self, message: Mapping[str, Any]) -> list[Delta]:
        usage = message.get("usage") or {}
        self._figures.update({name: usage[name] for name in FIGURES if name in usage})
        self._first = self._count
        deltas: list[Delta] = [closed for index in list(self._open) for closed in self._close(index)]
        if not self._started:
            self._started = True
            deltas.append(Start(message.get("id"), message.get("model"), keep(NAME, message, ("content",))))
        counted = read_usage(usage)
        return [*deltas, Counted(counted)] if counted else deltas

    def _block(self, value: Mapping[str, Any]) -> list[Delta]:
        index, block = self._first + value["index"], value["content_block"]
        part = read_block(block)
        if isinstance(part, ToolCall) and not block["input"]:  # it is yet to come
            part = replace(part, arguments="")
        self._open[index] = isinstance(part, Other)
        self._count = max(self._count, index + 1)
        return [Opened(index, part)]  # type: ignore[arg-type]  # an answer holds no result of a tool

    def _close(self, index: int) -> list[Delta]:
        self._open.pop(index, None)
        return [Closed(index)]

    def _end(self, value: Mapping[str, Any]) -> list[Delta]:
        """The last figures, which replace the first ones, and the end if it has come."""
        deltas: list[Delta] = []
        usage = read_usage({**self._figures, **(value.get("usage") or {})})
        if usage is not None:
            deltas.append(Counted(usage))
        delta = value["delta"]
        if delta.get("stop_reason"):
            reason, own = read_reason(delta)
            extra = keep_end({**value, **delta}, own)
            deltas.append(End(reason, stop_sequence=delta.get("stop_sequence"), extra=extra))
        return deltas


class MessagesWriter(SerialWriter):
    """Writes the events of one stream. What the answer cost may come after its end, so that goes out with the last."""

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._request = request
        self._started = False
        self._block = -1
        self._kind: type[Said] = Text
        self._is_open = False
        self._before = ""
        self._signature: Signature | None = None
        self._usage = Usage()
        self._ended = End(DEFAULT_REASON)

    def start(self, delta: Start) -> Iterator[Event]:
        if self._started:  # the vendor's clients refuse a second one
            return
        self._started = True
        usage = {"input_tokens": 0, "output_tokens": 0}
        message = {**head(self._request), "content": [], **dict.fromkeys(ENDING), "usage": usage}
        written = {"type": "message_start", "message": lay_over(message, delta.extra, NAME)}
        yield Event.of_json(written, "message_start")

    def opened(self, delta: Opened) -> Iterator[Event]:
        yield from self.start(Start())
        part, text = _emptied(delta.part)
        blocks = write_said(part, self._request, self.place)
        for whole in blocks[:-1]:
            yield from self._whole(whole)
        if blocks:
            yield self._open(blocks[-1])
        self._kind, self._is_open = type(part), bool(blocks)
        self._before = self._beginning(part) if blocks else ""
        if text:
            yield from self.appended(Appended(delta.index, text))
        if isinstance(delta.part, Thinking) and delta.part.signature:
            yield self._sign(delta.part.signature)

    def _beginning(self, part: Said) -> str:
        """How every delta of the open block begins; empty where there are none."""
        if type(part) not in _DELTAS:
            return ""
        kind, member = _DELTAS[type(part)]
        return f'{{"type":"{_DELTA}","index":{self._block},"delta":{{"type":"{kind}","{member}":'

    def _open(self, block: Mapping[str, Any]) -> Event:
        self._block += 1
        return Event.of_json({"type": _BLOCK, "index": self._block, "content_block": block}, _BLOCK)

    def _close(self) -> Event:
        return Event.of_json({"type": _CLOSE, "index": self._block}, _CLOSE)

    def _whole(self, block: Mapping[str, Any]) -> Iterator[Event]:
        yield self._open(block)
        yield self._close()

    def appended(self, delta: Appended) -> Iterable[Event]:
        """An event put together from JSON: writing all of it anew for each word would take longer than all the rest."""
        return (Event.of_line(f"{self._before}{dumps(delta.text)}}}}}", _DELTA),) if self._before else ()

    def signed(self, delta: Signed) -> Iterator[Event]:
        if self._kind is Thinking:
            yield self._sign(delta.signature)
        elif self._kind is Text:
            self._signature = delta.signature  # its block has begun, so that this can only come after it

    def _sign(self, signature: Signature) -> Event:
        signed = {"type": "signature_delta", "signature": signature.carried(MAKER)}
        return Event.of_json({"type": _DELTA, "index": self._block, "delta": signed}, _DELTA)

    def closed(self, delta: Closed) -> Iterator[Event]:
        if self._is_open:
            yield self._close()
        if self._signature is not None:
            yield from self._whole(write_block(Thinking(signature=self._signature)))
            self._signature = None

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = delta.usage
        return ()

    def aside(self, delta: Aside) -> Iterator[Event]:
        if delta.dialect == NAME and isinstance(delta.value, Mapping):
            here = {"index": self._block} if "index" in delta.value else {}
            yield Event.of_json({**delta.value, **here}, delta.value["type"])

    def end(self, delta: End) -> Iterable[Event]:
        self._ended = delta
        return ()

    def finish(self) -> Iterator[Event]:
        yield from self.start(Start())
        yield self._ending()
        yield Event.of_line(STOP, "message_stop")

    def _ending(self) -> Event:
        """Why the message ended, and what it cost."""
        ended = self._ended
        reason = write_reason(ended.reason, ended.stop_sequence)
        said = lay_over({"stop_reason": reason, "stop_sequence": ended.stop_sequence}, ended.extra, NAME)
        beside = {name: said.pop(name) for name in _BESIDE_DELTA if name in said}
        written = {"type": "message_delta", "delta": said, **beside, "usage": write_usage(self._usage)}
        return Event.of_json(written, "message_delta")


_DELTAS: Mapping[type[Any], tuple[str, str]] = {
    Text: ("text_delta", "text"),
    Refusal: ("text_delta", "text"),
    Thinking: ("thinking_delta", "thinking"),
    ToolCall: ("input_json_delta", "partial_json"),
    Other: ("input_json_delta", "partial_json"),
}


def _emptied(part: Said) -> tuple[Said, str]:
    """The part as its block begins, and the text that follows in deltas."""
    if isinstance(part, (Text, Refusal, Other)):
        return replace(part, text=""), part.text
    if isinstance(part, Thinking):
        return replace(part, text="", signature=None), part.text
    if isinstance(part, ToolCall):
        return replace(part, arguments=""), part.arguments
    if isinstance(part, Audio) and part.transcript is not None:
        return Text(), part.transcript
    return part, ""
