"""A streamed answer, read into the steps of the neutral model.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.answer import Aside, Counted, Delta, End, Start
from llmproxy.core.chat import Image, Other, Signature, Text, Thinking, ToolCall
from llmproxy.core.eventstream import Message
from llmproxy.core.signs import NOTHING, Signs
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.bedrock_converse.answer import read_reason, read_stop_sequence, read_usage
from llmproxy.dialects.bedrock_converse.parts import NAME, is_server_call, read_call, read_image, read_redacted
from llmproxy.dialects.borders import Borders
from llmproxy.dialects.extra import keep

_PADDING = "p"


def reader() -> Callable[[Event], Iterable[Delta]]:
    """A function that reads the events of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream. Only calls say where they begin; a text begins with its first piece."""

    def __init__(self) -> None:
        self._borders = Borders()
        self._started = False
        self._images: dict[int, _Picture] = {}
        self._readers: Mapping[str, Callable[[Mapping[str, Any]], Iterable[Delta]]] = {
            "messageStart": self._start,
            "contentBlockStart": self._open,
            "contentBlockDelta": self._append,
            "contentBlockStop": self._close,
            "messageStop": self._end,
            "metadata": self._count,
        }

    def read(self, event: Event) -> Iterable[Delta]:
        value = event.json()
        read = self._readers.get(event.type)
        deltas = read(value) if read else (Aside(NAME, {event.type: value}),)
        if self._started:
            return deltas
        self._started = True
        return deltas if event.type == "messageStart" else (Start(), *deltas)

    def _start(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        return (Start(extra=keep(NAME, value, ("role", _PADDING))),)

    def _open(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        index, start = value["contentBlockIndex"], value["start"]
        if "image" in start:
            self._images[index] = _Picture(start["image"]["format"])
            return ()
        if "toolUse" in start and not is_server_call(start["toolUse"]):
            return self._borders.open(_key(index), read_call({**start["toolUse"], "input": None}))
        return self._borders.open(_key(index), Other(NAME, start))

    def _append(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        index, delta = value["contentBlockIndex"], value["delta"]
        if "text" in delta:
            return self._borders.append(_key(index), Text(), delta["text"])
        if "toolUse" in delta:
            return self._borders.append(_key(index), ToolCall(), delta["toolUse"]["input"])
        if "reasoningContent" in delta:
            return self._think(_key(index), delta["reasoningContent"])
        if "toolResult" in delta:
            return self._borders.append(_key(index), Other(NAME, {}), dumps(delta["toolResult"]))
        if "image" in delta and index in self._images:
            self._images[index].append(delta["image"])
            return ()
        return (Aside(NAME, {"contentBlockDelta": value}),)  # a citation, for instance

    def _think(self, key: tuple[str, int], piece: Mapping[str, Any]) -> Iterable[Delta]:
        if "text" in piece:
            return self._borders.append(key, Thinking(), piece["text"])
        if "signature" in piece:
            return self._borders.sign(key, Thinking(), Signature(piece["signature"], "anthropic"))
        return self._borders.whole(Thinking(redacted=read_redacted(piece["redactedContent"])))

    def _close(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        picture = self._images.pop(value["contentBlockIndex"], None)
        if picture is not None:
            yield from self._borders.whole(picture.whole())
        yield from self._borders.close(_key(value["contentBlockIndex"]))

    def _end(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self._borders.close_all()
        reason, extra = read_reason(value.get("stopReason"))
        yield End(reason, stop_sequence=read_stop_sequence(value), extra=extra)

    def _count(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        """What the answer cost: it comes after the end of the message."""
        usage = read_usage(value.get("usage"))
        if usage is not None:
            yield Counted(usage)
        rest = {name: each for name, each in value.items() if name not in ("usage", _PADDING)}
        if rest:
            yield Aside(NAME, {"metadata": rest})


class _Picture:
    """A picture that comes in pieces, each in base64 of its own."""

    def __init__(self, format: str) -> None:
        self._format = format
        self._pieces: list[bytes] = []

    def append(self, piece: Mapping[str, Any]) -> None:
        self._pieces.append(base64.b64decode((piece.get("source") or {}).get("bytes") or ""))

    def whole(self) -> Image:
        return read_image(self._format, base64.b64encode(b"".join(self._pieces)).decode("ascii"))


def _key(index: int) -> tuple[str, int]:
    """The key of a block; a bare number would be one of the keys that `Borders` makes for itself."""
    return ("block", index)


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of an event, or of a whole answer."""
    if isinstance(event, Message) and event.failed:
        return _ERROR
    value = event.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if whole:
        return _signs_of_answer(value)
    if event.type == "messageStop":
        return _FINISHED
    if event.type == "metadata":
        return Signs(read_usage(value.get("usage")), terminal=True)
    return NOTHING


_FINISHED = Signs(finished=True)
_ERROR = Signs(error=True)


def _signs_of_answer(value: Mapping[str, Any]) -> Signs:
    if "output" not in value:
        if "message" in value or "__type" in value:
            return _ERROR
        raise ValueError("an answer without output")
    return Signs(read_usage(value.get("usage")), finished=True, terminal=True)
