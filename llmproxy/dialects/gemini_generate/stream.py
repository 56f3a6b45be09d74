"""A streamed answer: frames, each a GenerateContentResponse with what is new, and the steps of the neutral model."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmproxy.core.answer import (
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
)
from llmproxy.core.chat import Other, Refusal, Signature, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.borders import Borders
from llmproxy.dialects.extra import keep, lay_over
from llmproxy.dialects.gemini_generate.answer import (
    HEAD,
    count,
    head,
    is_blocked,
    read_reason,
    read_rest,
    read_usage,
    said_parts,
    write_logprobs,
    write_part,
    write_reason,
    write_said_call,
    write_usage,
)
from llmproxy.dialects.gemini_generate.arguments import Arguments
from llmproxy.dialects.gemini_generate.names import NAME
from llmproxy.dialects.gemini_generate.parts import MAKER, read_call, read_signature, write_signature

_TEXT_MEMBERS = {"text", "thought", "thoughtSignature"}


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of a frame, or of a whole answer. No frame says that it is the last."""
    value = event.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    candidates, said = value.get("candidates"), value.get("usageMetadata")
    usage = count(said) if said else None
    if whole:
        if candidates or said or value.get("promptFeedback"):
            return Signs(usage, finished=True, terminal=True)
    elif candidates:
        for candidate in candidates:
            if candidate.get("finishReason"):
                return Signs(usage, finished=True)
        return Signs(usage)
    if value.get("error"):
        return Signs(error=True)
    if whole:
        raise ValueError("an answer without candidates")
    return Signs(usage, finished=is_blocked(value))


def reader() -> Callable[[Event], list[Delta]]:
    """A function that reads the frames of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream."""

    def __init__(self) -> None:
        self._head: Mapping[str, Any] | None = None
        self._usage: Any = None
        self._choices: dict[int, _ChoiceReader] = {}

    def read(self, event: Event) -> list[Delta]:
        frame = event.json()
        deltas = list(self._beginning(frame))
        said = frame.get("usageMetadata")
        if said and said != self._usage:
            self._usage = said
            usage = read_usage(said)
            deltas += [Counted(usage)] if usage else []
        for candidate in frame.get("candidates") or ():
            number = candidate.get("index") or 0
            if number not in self._choices:
                self._choices[number] = _ChoiceReader(number)
            deltas += self._choices[number].read(candidate)
        if is_blocked(frame) and not frame.get("candidates"):
            deltas.append(End("content_filter"))
        return deltas

    def _beginning(self, frame: Mapping[str, Any]) -> Iterator[Delta]:
        """What a frame says of the whole answer: mostly the same as the one before it."""
        said = {name: value for name, value in frame.items() if name not in HEAD}
        if self._head is None:
            yield Start(said.get("responseId"), said.get("modelVersion"), {NAME: said} if said else {})
        elif said != self._head:
            yield Aside(NAME, {name: value for name, value in said.items() if value != self._head.get(name)})
        self._head = said


class _ChoiceReader:
    """What has been seen of one candidate."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._borders = Borders(number)
        self._arguments: Arguments | None = None
        self._called = False

    def read(self, candidate: Mapping[str, Any]) -> Iterator[Delta]:
        tokens, rest = read_rest(candidate)
        said = candidate.get("finishReason")
        if rest and not said:
            yield Aside(NAME, {"candidates": [{"index": self._number, **rest}]})
        for part in (candidate.get("content") or {}).get("parts") or ():
            if isinstance(part.get("text"), str) and part.keys() <= _TEXT_MEMBERS:
                yield from self._say(part, tokens)
                tokens = ()
            else:
                yield from self._show(part)
        if tokens:
            yield from self._borders.append("text", Text(), "", tokens)
        if said:
            yield from self._end_call()
            yield from self._borders.close_all()
            reason, own = read_reason(said, self._called)
            yield End(reason, self._number, extra={NAME: {**rest, **own}} if rest or own else {})

    def _say(self, part: Mapping[str, Any], tokens: tuple[TokenLogprob, ...]) -> Iterator[Delta]:
        text: str = part["text"]
        key, kind = ("thinking", Thinking()) if part.get("thought") else ("text", Text())
        if text or tokens:
            yield from self._borders.append(key, kind, text, tokens)
        signature = read_signature(part.get("thoughtSignature"))
        if signature:
            yield from self._sign(key, kind, signature)

    def _sign(self, key: str, kind: Said, signature: Signature) -> Iterator[Delta]:
        """A signature: of the text or the thought that it came with or after, else of a thought of its own. It ends
        what it signs, as no other text may be put to it."""
        if not self._borders.is_open(key):
            key, kind = "thinking", Thinking()
        yield from self._borders.sign(key, kind, signature)
        yield from self._borders.close(key)

    def _show(self, part: Mapping[str, Any]) -> Iterator[Delta]:
        """A part that is no plain text; mostly it is whole."""
        if isinstance(part.get("functionCall"), Mapping):
            self._called = True
            yield from self._call(part, part["functionCall"])
            return
        for said in said_parts(part):
            signature = said.signature if isinstance(said, (Text, Thinking)) else None
            key = object()
            if isinstance(said, (Text, Thinking)):
                yield from self._borders.append(key, replace(said, text="", signature=None), said.text)
            else:
                yield from self._borders.open(key, said)
            if signature:
                yield from self._borders.sign(key, said, signature)
            yield from self._borders.close(key)

    def _call(self, part: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[Delta]:
        """A call: whole, or a piece of one."""
        name, goes_on = said.get("name"), said.get("willContinue")
        if name:
            yield from self._end_call()
        if name and not goes_on and "partialArgs" not in said:
            call = read_call(part, read_signature(part.get("thoughtSignature")))
            yield from self._borders.whole(replace(call, arguments=""), call.arguments)
            return
        if self._arguments is None:
            self._arguments = Arguments()
            extra = keep(NAME, said, ("name", "args", "partialArgs", "willContinue")).get(NAME)
            signature = read_signature(part.get("thoughtSignature"))
            call = ToolCall(said.get("id"), name or "", "", signature, extra=_of_call(extra))
            yield from self._borders.open("call", call)
        text = "".join(self._arguments.add(piece) for piece in said.get("partialArgs") or ())
        yield from self._borders.append("call", ToolCall(), text)
        if not goes_on:
            yield from self._end_call()

    def _end_call(self) -> Iterator[Delta]:
        """The call that came in pieces is whole; nothing if there is none."""
        if self._arguments is not None:
            yield from self._borders.append("call", ToolCall(), self._arguments.finish())
            yield from self._borders.close("call")
            self._arguments = None


def _of_call(own: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    return {NAME: {"functionCall": own}} if own else {}


class GenerateWriter(StreamWriter):
    """Writes the frames of one stream. Each says at once what there is to say, but for calls, which are whole here, and
    for the end, with which the last figures of usage have to come."""

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._head = head(request)
        self._usage: dict[str, Any] = {}
        self._parts: dict[tuple[int, int], Said] = {}
        self._texts: dict[tuple[int, int], list[str]] = {}
        self._besides: dict[int, dict[str, Any]] = {}
        self._ends: list[End] = []
        self._spoken = False
        self._retell()

    def _retell(self) -> None:
        """Prepares what stands behind the parts of every frame: to write it anew for each word would take longer than
        all the rest."""
        usage = {"usageMetadata": self._usage} if self._usage else {}
        self._tail = f"}}],{dumps({**usage, **self._head})[1:]}"

    def start(self, delta: Start) -> Iterable[Event]:
        self._head = lay_over(self._head, delta.extra, NAME)
        self._retell()
        return ()

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = write_usage(delta.usage)
        self._retell()
        return ()

    def aside(self, delta: Aside) -> Iterable[Event]:
        """What a frame says besides goes with the next one."""
        if delta.dialect == NAME and isinstance(delta.value, Mapping):
            for candidate in delta.value.get("candidates", ()):
                said = self._besides.setdefault(candidate["index"], {})
                said.update({name: value for name, value in candidate.items() if name != "index"})
            self._head = lay_over(self._head, keep(NAME, delta.value, ("candidates",)), NAME)
            self._retell()
        return ()

    def _frame(self, choice: int, part: str, besides: Mapping[str, Any] | None = None) -> Event:
        self._spoken = True
        if choice in self._besides:
            besides = {**self._besides.pop(choice), **(besides or {})}
        rest = f",{dumps(besides)[1:-1]}" if besides else ""
        return Event.of_line(
            f'{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":{choice}{rest}{self._tail}'
        )

    def opened(self, delta: Opened) -> Iterable[Event]:
        part, place = delta.part, (delta.choice, delta.index)
        self._parts[place] = part
        if isinstance(part, ToolCall):
            self._texts[place] = [part.arguments]
        elif not isinstance(part, (Text, Refusal, Thinking)) or part.text or getattr(part, "redacted", None):
            for written in write_part(part):
                yield self._frame(delta.choice, dumps(written))

    def appended(self, delta: Appended) -> Iterable[Event]:
        place = (delta.choice, delta.index)
        part = self._parts.get(place)
        if isinstance(part, ToolCall):
            self._texts[place].append(delta.text)
            return ()
        if isinstance(part, Other):  # more of what another dialect's own tool was asked is nothing that the model says
            return ()
        if isinstance(part, Thinking):
            self._texts.setdefault(place, [])
            return (self._frame(delta.choice, f'{{"text":{dumps(delta.text)},"thought":true}}'),)
        if delta.logprobs:
            besides = {"logprobsResult": write_logprobs(delta.logprobs)}
            return (self._frame(delta.choice, f'{{"text":{dumps(delta.text)}}}', besides),)
        return (self._frame(delta.choice, f'{{"text":{dumps(delta.text)}}}'),)

    def signed(self, delta: Signed) -> Iterable[Event]:
        """A signature; one of a text that has been said already comes in a part without text, as Google's own does."""
        place = (delta.choice, delta.index)
        part = self._parts.get(place, Text())
        if isinstance(part, ToolCall):
            self._parts[place] = replace(part, signature=delta.signature)
            return
        written: dict[str, Any] = {"text": ""}
        if isinstance(part, Thinking) and (place in self._texts or delta.signature.maker != MAKER):
            written["thought"] = True
        written["thoughtSignature"] = write_signature(delta.signature)
        yield self._frame(delta.choice, dumps(written))

    def closed(self, delta: Closed) -> Iterable[Event]:
        place = (delta.choice, delta.index)
        part = self._parts.get(place)
        if isinstance(part, ToolCall):
            call = replace(part, arguments="".join(self._texts.pop(place)))
            yield self._frame(delta.choice, dumps(write_said_call(call)))

    def end(self, delta: End) -> Iterable[Event]:
        self._ends.append(delta)
        return ()

    def finish(self) -> Iterable[Event]:
        if is_blocked(self._head) and not self._spoken:
            usage = {"usageMetadata": self._usage} if self._usage else {}
            yield Event.of_json({**usage, **self._head})
            return
        for end in self._ends:
            besides = lay_over({"finishReason": write_reason(end.reason)}, end.extra, NAME)
            yield self._frame(end.choice, '{"text":""}', besides)
