"""A streamed response: events that say their type twice, their number once, and at the end everything again.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from llmproxy.core.answer import (
    DEFAULT_REASON,
    Answer,
    Appended,
    Aside,
    Choice,
    Closed,
    Counted,
    Delta,
    End,
    Opened,
    Signed,
    Start,
    Usage,
)
from llmproxy.core.chat import Extra, Image, Other, Refusal, Signature, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import ALIVE, NOTHING, Signs
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.extra import keep
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.openai_responses.answer import (
    ANNOTATION,
    LIVE,
    ending,
    read_reason,
    read_usage,
    sayable,
    write_item,
    write_part,
    write_response,
)
from llmproxy.dialects.openai_responses.items import (
    MAKER,
    ItemPart,
    item_members,
    members_of,
    read_item,
    read_thought,
    with_item,
)
from llmproxy.dialects.openai_responses.parts import NAME, read_part
from llmproxy.dialects.openai_responses.pieces import Item, Piece, announced, text_in, with_status

ENDINGS = ("response.completed", "response.incomplete", "response.failed")

_PADDING = ("sequence_number", "obfuscation")

# Where an event that repeats all of a text has it.
_REPEATED = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.function_call_arguments.done": "arguments",
    "response.reasoning_summary_text.done": "text",
    "response.reasoning_text.done": "text",
}

_UNANNOUNCED: Mapping[str, ItemPart] = {
    "response.output_text.delta": Text(),
    "response.refusal.delta": Refusal(),
    "response.reasoning_summary_text.delta": Thinking(),
    "response.reasoning_text.delta": Thinking(extra={NAME: {"type": "reasoning_text"}}),
}


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of an event, or of a whole response."""
    value = event.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if whole:
        return _signs_of_whole(value)
    kind = value.get("type", event.type)
    if kind == "error" or (value.get("error") and kind == "message"):
        return _ERROR
    if kind not in ENDINGS:
        return ALIVE if kind == "keepalive" else NOTHING
    response = value.get("response") or {}
    return Signs(read_usage(response.get("usage")), finished=True, terminal=True, error=kind == "response.failed")


_ERROR = Signs(error=True)


def _signs_of_whole(value: Mapping[str, Any]) -> Signs:
    # A response that failed is an answer of its own, with status `failed` and output; an error object has neither.
    if value.get("error") and "output" not in value:
        return _ERROR
    if "output" not in value and "status" not in value:
        raise ValueError("a response without output")
    return Signs(read_usage(value.get("usage")), finished=True, terminal=True)


def reader() -> Callable[[Event], Iterable[Delta]]:
    """A function that reads the events of one stream."""
    return _Reader().read


class _ItemRead:
    """What has been seen of one item.

    Attributes:
        members: The item as it was announced, with the status that it will have.
        part: The place of the part that is open.
        count: How many parts have begun.
        spoken: Whether the open part has a text.
        done: Whether the item is whole.
    """

    __slots__ = ("count", "done", "members", "part", "spoken")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.part: int | None = None
        self.count = 0
        self.spoken = False
        self.done = False


class _Reader:
    """What has been seen of a stream. What follows the end of its response is another's."""

    def __init__(self) -> None:
        self._response: Mapping[str, Any] | None = None
        self._items: dict[int, _ItemRead] = {}
        self._count = 0
        self._called = False
        self._ended = False

    def read(self, event: Event) -> Iterable[Delta]:
        said = event.json()
        kind = said.get("type", event.type)
        if self._ended:
            return ()
        method = self._methods.get(kind)
        if method is not None:
            return method(self, said)
        if kind in ENDINGS:
            return self._end(said["response"])
        if kind in _REPEATED:
            return self._repeated(said, said.get(_REPEATED[kind]))
        return (Aside(NAME, {name: value for name, value in said.items() if name not in _PADDING}),)

    def _end_part(self, said: Mapping[str, Any]) -> Iterable[Delta]:
        """A part is whole, which the next one says, or the end of its item."""
        return ()

    def _start(self, said: Mapping[str, Any]) -> Iterator[Delta]:
        if self._response is None:
            response = self._response = said["response"]
            yield Start(response.get("id"), response.get("model"), keep(NAME, response, LIVE))

    def _item(self, said: Mapping[str, Any]) -> _ItemRead:
        index = said.get("output_index") or 0
        if index not in self._items:
            members = said.get("item") or {}
            self._items[index] = _ItemRead({**members, "status": "completed"} if "status" in members else members)
        return self._items[index]

    def _add_item(self, said: Mapping[str, Any]) -> Iterator[Delta]:
        item, kind = self._item(said), said["item"].get("type")
        if kind == "function_call":
            for call in read_item({**item.members, "arguments": ""}):
                yield from self._open(item, call)
        elif kind not in ("message", "reasoning"):  # what it was becomes clear only at its end
            yield Aside(NAME, {name: value for name, value in said.items() if name not in _PADDING})

    def _annotate(self, said: Mapping[str, Any]) -> Iterable[Delta]:
        """What a text cites. It has to say where, since it is put there."""
        if type(said["content_index"]) is not int or "annotation" not in said:
            raise TypeError("an annotation without its place")
        return (Aside(NAME, {name: value for name, value in said.items() if name not in _PADDING}),)

    def _open(self, item: _ItemRead, part: ItemPart) -> Iterator[Delta]:
        yield from self._close(item)
        if not item.count and isinstance(part, (Text, Refusal, Thinking)):
            known = ("content",) if part.extra.get(NAME, {}).get("type") == "reasoning_text" else ()
            (part,) = with_item([part], members_of(item.members, *known))
        self._called = self._called or isinstance(part, ToolCall)
        item.part, item.spoken = self._count, False
        item.count += 1
        self._count += 1
        yield Opened(item.part, part)

    def _close(self, item: _ItemRead) -> Iterator[Delta]:
        if item.part is not None:
            yield Closed(item.part)
            item.part = None

    def _add_part(self, said: Mapping[str, Any]) -> Iterator[Delta]:
        part = said["part"]
        if part.get("type") in ("summary_text", "reasoning_text"):
            yield from self._open(self._item(said), read_thought({**part, "text": ""}))
        else:
            read = read_part(part)
            if isinstance(read, (Text, Refusal)):
                yield from self._open(self._item(said), replace(read, text=""))

    def _append(self, said: Mapping[str, Any]) -> Iterable[Delta]:
        item = self._items.get(said.get("output_index") or 0)
        logprobs = said.get("logprobs")
        if item is None or item.part is None:
            return self._append_unopened(said)
        item.spoken = item.spoken or bool(said["delta"])
        return (Appended(item.part, said["delta"], 0, read_logprobs(logprobs) if logprobs else ()),)

    def _append_unopened(self, said: Mapping[str, Any]) -> Iterator[Delta]:
        """The text of a part that nobody announced. A call without a name waits for the end of its item."""
        part = _UNANNOUNCED.get(said.get("type", ""))
        if part is not None:
            yield from self._open(self._item(said), part)
            yield from self._append(said)

    def _repeated(self, said: Mapping[str, Any], text: Any) -> Iterator[Delta]:
        """All of a text: of news only where it did not come in pieces."""
        item = self._item(said)
        if item.part is not None and not item.spoken and text:
            yield from self._append({**said, "delta": text})

    def _finish_item(self, said: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self._end_item(self._item(said), said["item"])

    def _end_item(self, item: _ItemRead, whole: Mapping[str, Any]) -> Iterator[Delta]:
        if item.done:
            return
        item.done = True
        if not item.count:
            yield from self._play(read_item(whole))
        elif item.part is not None:
            if whole.get("arguments") and not item.spoken:
                yield Appended(item.part, whole["arguments"])
            if whole.get("encrypted_content"):
                yield Signed(item.part, Signature.uncarried(whole["encrypted_content"], MAKER))
            yield from self._close(item)

    def _play(self, parts: Sequence[ItemPart]) -> Iterator[Delta]:
        """The steps of parts that came in one piece."""
        for delta in Answer((Choice(tuple(parts)),)).play():
            if isinstance(delta, (Opened, Appended, Signed, Closed)):
                yield replace(delta, index=delta.index + self._count)
        self._called = self._called or any(isinstance(part, ToolCall) for part in parts)
        self._count += len(parts)

    def _end(self, response: Mapping[str, Any]) -> Iterator[Delta]:
        self._ended = True
        yield from self._start({"response": response})
        for index, whole in enumerate(response.get("output") or ()):
            yield from self._end_item(self._item({"output_index": index}), whole)
        for item in self._items.values():
            yield from self._close(item)
        usage = read_usage(response.get("usage"))
        if usage is not None:
            yield Counted(usage)
        reason, extra = read_reason(response, self._called)
        yield End(reason, extra=self._news(response, extra))

    def _news(self, response: Mapping[str, Any], extra: Extra) -> Extra:
        """What a response says at its end besides, and did not say so at its beginning."""
        before = self._response or {}
        news = {
            name: value
            for name, value in response.items()
            if name not in LIVE and (name not in before or before[name] != value)
        }
        return {NAME: {**news, **extra.get(NAME, {})}} if news or extra else {}

    _methods: ClassVar[Mapping[str, Callable[["_Reader", Mapping[str, Any]], Iterable[Delta]]]] = {
        "response.output_text.delta": _append,
        "response.function_call_arguments.delta": _append,
        "response.reasoning_summary_text.delta": _append,
        "response.reasoning_text.delta": _append,
        "response.refusal.delta": _append,
        ANNOTATION: _annotate,
        "response.created": _start,
        "response.queued": _start,
        "response.in_progress": _start,
        "response.output_item.added": _add_item,
        "response.output_item.done": _finish_item,
        "response.content_part.added": _add_part,
        "response.content_part.done": _end_part,
        "response.reasoning_summary_part.added": _add_part,
        "response.reasoning_summary_part.done": _end_part,
        "response.reasoning_part.added": _add_part,  # of vLLM, for one
        "response.reasoning_part.done": _end_part,
    }


class ResponsesWriter(StreamWriter):
    """Writes the events of one response. Texts that follow one another stand in one message, thoughts in one item.

    It says the first choice alone: a request in this dialect cannot ask for more.
    """

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._request = request
        self._numbers = itertools.count()
        self._start: Start | None = None
        self._end: End | None = None
        self._usage = Usage()
        self._items: list[Item] = []
        self._current: Item | None = None  # what the next part may belong to
        self._pieces: dict[int, Piece | None] = {}  # the parts that are open; None for one that has no place here

    def write(self, delta: Delta) -> Iterable[Event]:
        return () if getattr(delta, "choice", 0) else super().write(delta)

    def start(self, delta: Start) -> Iterator[Event]:
        if self._start is None:
            self._start = delta
            response = write_response(self._request, [], None, Usage(), (delta.extra,))
            yield self._event("response.created", response=response)
            yield self._event("response.in_progress", response=response)

    def opened(self, delta: Opened) -> Iterator[Event]:
        yield from self.start(Start())
        self._pieces[delta.index] = None
        for part in sayable(delta.part):
            if isinstance(part, (Other, Image)) or (isinstance(part, Thinking) and part is not delta.part):
                yield from self._say(part)
            else:
                yield from self._open(delta.index, part)

    def appended(self, delta: Appended) -> Iterable[Event]:
        piece = self._pieces.get(delta.index)
        if piece is None or not piece.begun:
            return self._append_late(delta)
        piece.texts.append(delta.text)
        text = f'{piece.before}{next(self._numbers)},"delta":{dumps(delta.text)}'
        if delta.logprobs:
            piece.logprobs += delta.logprobs
            return (Event.of_line(f'{text},"logprobs":{dumps(write_logprobs(delta.logprobs))}}}', piece.kind),)
        return (Event.of_line(text + piece.after, piece.kind),)

    def _append_late(self, delta: Appended) -> Iterator[Event]:
        """More of a part that has no event of its own yet."""
        if delta.index not in self._pieces:  # one that nobody opened is a text
            yield from self.opened(Opened(delta.index, Text()))
        piece = self._pieces[delta.index]
        if piece is not None:
            if not piece.begun:
                yield from self._begin(piece)
            yield from self.appended(delta)

    def signed(self, delta: Signed) -> Iterator[Event]:
        piece = self._pieces.get(delta.index)
        if piece is not None and isinstance(piece.part, Thinking):
            piece.part = replace(piece.part, signature=delta.signature)
        else:
            yield from self._say(Thinking(signature=delta.signature))

    def closed(self, delta: Closed) -> Iterator[Event]:
        piece = self._pieces.pop(delta.index, None)
        if piece is not None:
            yield from self._close(piece)
            if (piece.is_last or piece.item is not self._current) and not piece.item.is_open:
                yield from self._finish(piece.item)

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = delta.usage
        return ()

    def aside(self, delta: Aside) -> Iterator[Event]:
        said = delta.value
        if delta.dialect != NAME or not isinstance(said, Mapping) or "type" not in said:
            return
        yield from self.start(Start())
        kind, members = said["type"], {name: value for name, value in said.items() if name != "type"}
        if kind == "response.output_item.added":
            yield from self._add(dict(said["item"]))
            return
        item = self._item(said.get("item_id"))
        if item is not None:
            members["output_index"] = item.place
            if kind == ANNOTATION and item.pieces:
                item.pieces[-1].annotations.append(said["annotation"])
        yield self._event(kind, **members)

    def end(self, delta: End) -> Iterator[Event]:
        yield from self.start(Start())
        self._end = delta
        for index in list(self._pieces):
            yield from self.closed(Closed(index))
        for item in self._items:
            if item.pieces:
                yield from self._finish(item)

    def finish(self) -> Iterator[Event]:
        if self._end is None:
            yield from self.end(End(DEFAULT_REASON))
        assert self._start is not None
        assert self._end is not None
        output, extras = [item.value for item in self._items], (self._start.extra, self._end.extra)
        response = write_response(self._request, output, self._end.reason, self._usage, extras)
        yield self._event(f"response.{ending(self._end.reason)}", response=response)

    def _event(self, kind: str, **members: Any) -> Event:
        return Event.of_json({"type": kind, "sequence_number": next(self._numbers), **members}, kind)

    def _item(self, id: Any) -> Item | None:
        return next((item for item in self._items if id is not None and item.value.get("id") == id), None)

    def _open(self, index: int, part: ItemPart) -> Iterator[Event]:
        """A part begins; what is known of its text already is said at once."""
        yield from self._make_room(part)
        piece = self._pieces[index] = Piece(part, self._items[-1])
        if not isinstance(part, Thinking):  # which has no beginning of its own before it has a text
            yield from self._begin(piece)
        text = text_in(part)
        if text:
            yield from self.appended(Appended(index, text, 0, part.logprobs if isinstance(part, Text) else ()))

    def _say(self, part: ItemPart) -> Iterator[Event]:
        """An item that comes in one piece. It may have been announced."""
        item = self._item(item_members(part).get("id"))
        if item is None or item.done:
            yield from self._make_room(part)
            item = self._items[-1]
        Piece(part, item).is_open = False
        yield from self._finish(item)

    def _make_room(self, part: ItemPart) -> Iterator[Event]:
        """Has the last item be the one that a part belongs to, which may be a new one."""
        if self._current is None or not self._current.takes(part):
            place = len(self._items)
            yield from self._add(announced(write_item([part], place, self._request)))

    def _add(self, value: dict[str, Any]) -> Iterator[Event]:
        """An item begins, and the one before it is whole unless a part of it is open."""
        before, self._current = self._current, Item(len(self._items), value)
        if before is not None and before.pieces and not before.is_open:
            yield from self._finish(before)
        self._items.append(self._current)
        yield self._event("response.output_item.added", output_index=self._current.place, item=value)

    def _begin(self, piece: Piece) -> Iterator[Event]:
        piece.begin()
        if piece.frame:
            yield self._event(f"{piece.frame}.added", **piece.at, part=_write(piece.part))

    def _close(self, piece: Piece) -> Iterator[Event]:
        """A part is whole: all of its text once more, and the part itself."""
        piece.is_open = False
        if piece.begun:
            part = piece.whole()
            repeated: dict[str, Any] = {_REPEATED[f"{piece.said}.done"]: text_in(part) or _no_text(part)}
            if isinstance(part, Text):
                repeated["logprobs"] = write_logprobs(part.logprobs)
            yield self._event(f"{piece.said}.done", **piece.at, **repeated)
            if piece.frame:
                yield self._event(f"{piece.frame}.done", **piece.at, part=_write(part))

    def _finish(self, item: Item) -> Iterator[Event]:
        """An item is whole."""
        if not item.done:
            item.done = True
            status = "completed" if self._end is None else ending(self._end.reason)
            whole = write_item([piece.whole() for piece in item.pieces], item.place, self._request)
            item.value = with_status(whole, status)
            yield self._event("response.output_item.done", output_index=item.place, item=item.value)


def _write(part: ItemPart) -> dict[str, Any]:
    assert isinstance(part, (Text, Refusal, Thinking)), "only these have a beginning and an end of their own"
    return write_part(part)


def _no_text(part: ItemPart) -> str:
    """How a part says that it has no text: a call without arguments is one with none."""
    return "{}" if isinstance(part, ToolCall) else ""
