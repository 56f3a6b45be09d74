"""A streamed chat completion: chunks, and the steps of the neutral model.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
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
    Usage,
)
from llmproxy.core.chat import Audio, Extra, Image, Refusal, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.base import StreamWriter
from llmproxy.dialects.borders import Borders
from llmproxy.dialects.extra import keep, lay_over
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.openai import DONE, read_usage
from llmproxy.dialects.openai_chat.answer import (
    head,
    read_audio,
    read_images,
    read_reason,
    write_audio,
    write_image,
    write_reason,
    write_usage,
)
from llmproxy.dialects.openai_chat.parts import (
    NAME,
    THOUGHT_MEMBERS,
    read_call_signature,
    read_content,
    read_pieces,
    write_call_signature,
    write_detail,
)
from llmproxy.dialects.tools import made_id

_ROLE = '{"role":"assistant","content":""}'
_NO_REST = ',"logprobs":null,"finish_reason":null'

# What every chunk repeats; what a host adds to some chunks is passed on beside them. Padding is not passed on.
_HEAD = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_KNOWN_OF_CHUNK = frozenset({*_HEAD, "choices", "usage", "obfuscation", "p"})
_KNOWN_OF_DELTA = frozenset(
    {"role", "content", "refusal", "tool_calls", "function_call", "audio", "images", *THOUGHT_MEMBERS}
)
_KNOWN_OF_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_KNOWN_OF_CALL = ("index", "id", "type", "function", "extra_content")


def reader() -> Callable[[Event], list[Delta]]:
    """A function that reads the chunks of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream."""

    def __init__(self) -> None:
        self._started = False
        self._choices: dict[int, _ChoiceReader] = {}
        self._said: dict[str, Any] = {}

    def read(self, event: Event) -> list[Delta]:
        if event.data == DONE:
            return []
        chunk = event.json()
        deltas: list[Delta] = []
        choices = chunk.get("choices")
        if not self._started and (choices or chunk.get("id")):  # Azure's first chunk has neither
            self._started = True
            head = {name: chunk[name] for name in _HEAD if name in chunk}
            deltas.append(Start(chunk.get("id"), chunk.get("model"), {NAME: head}))
        elif not self._started:
            deltas.append(Aside(NAME, chunk))
            return deltas
        for choice in choices or ():
            number = choice.get("index") or 0
            if number not in self._choices:
                self._choices[number] = _ChoiceReader(number)
            deltas += self._choices[number].read(choice)
        if not _KNOWN_OF_CHUNK.issuperset(chunk):
            deltas += self._rest(chunk)
        usage = chunk.get("usage")
        if usage:
            counted = read_usage(NAME, usage)
            if counted is not None:
                deltas.append(Counted(counted))
        return deltas

    def _rest(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        """What a host says besides, as far as it has not said it before."""
        rest = {name: value for name, value in chunk.items() if name not in _KNOWN_OF_CHUNK}
        if rest != self._said:
            self._said = rest
            yield Aside(NAME, {"choices": [], **rest})


class _ChoiceReader:
    """What has been seen of one choice."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._borders = Borders(number)

    def read(self, choice: Mapping[str, Any]) -> Iterator[Delta]:
        delta = choice.get("delta") or {}
        for key, thought in read_pieces(delta):
            yield from self._think(("thinking", key), thought)
        content = delta.get("content")
        if content or choice.get("logprobs"):
            yield from self._say(content or "", choice.get("logprobs") or {})
        if delta.get("refusal"):
            yield from self._borders.append("refusal", Refusal(), delta["refusal"])
        for image in read_images(delta):
            yield from self._borders.whole(image)
        for call in delta.get("tool_calls") or ():
            yield from self._call(call)
        if isinstance(delta.get("function_call"), Mapping):
            yield from self._call({"index": 0, "function": delta["function_call"]})
        if isinstance(delta.get("audio"), Mapping):
            yield from self._borders.whole(read_audio(delta["audio"]))
        yield from self._rest(choice, delta)
        if choice.get("finish_reason"):
            yield from self._borders.close_all()
            reason, extra = read_reason(choice["finish_reason"])
            yield End(reason, self._number, extra=extra)

    def _say(self, content: str | list[Any], logprobs: Mapping[str, Any]) -> Iterator[Delta]:
        if isinstance(content, str):
            tokens = read_logprobs(logprobs.get("content")) if logprobs else ()
            yield from self._borders.append("text", Text(), content, tokens)
            return
        for part in read_content(content, "content"):  # Mistral's thoughts and texts
            if isinstance(part, Thinking):
                yield from self._think("thinking", part)
            elif isinstance(part, Text):
                yield from self._borders.append("text", Text(), part.text)

    def _think(self, key: Hashable, thought: Thinking) -> Iterator[Delta]:
        if thought.redacted:
            yield from self._borders.whole(thought)
            return
        yield from self._borders.append(key, Thinking(), thought.text)
        if thought.signature:
            yield from self._borders.sign(key, Thinking(), thought.signature)

    def _call(self, call: Mapping[str, Any]) -> Iterator[Delta]:
        key = ("call", call.get("index") or 0)
        function = call.get("function") or {}
        if not self._borders.is_open(key):
            extra = keep(NAME, call, _KNOWN_OF_CALL)
            opening = ToolCall(
                call.get("id"), function.get("name") or "", signature=read_call_signature(call), extra=extra
            )
            yield from self._borders.open(key, opening)
        yield from self._borders.append(key, ToolCall(), function.get("arguments") or "")

    def _rest(self, choice: Mapping[str, Any], delta: Mapping[str, Any]) -> Iterator[Delta]:
        """What this chunk says besides, in a chunk of its own."""
        if choice.keys() <= _KNOWN_OF_CHOICE and delta.keys() <= _KNOWN_OF_DELTA:
            return
        outer = {name: value for name, value in choice.items() if name not in _KNOWN_OF_CHOICE}
        inner = {name: value for name, value in delta.items() if name not in _KNOWN_OF_DELTA}
        yield Aside(NAME, {"choices": [{"index": self._number, **outer, "delta": inner}]})


class ChatWriter(StreamWriter):
    """Writes the chunks of one stream, with usage in a chunk of its own if the client asked for it."""

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._request = request
        self._usage: Usage | None = None
        self._parts: dict[tuple[int, int], type[Said]] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._empty_calls: set[tuple[int, int]] = set()
        self._thoughts: dict[tuple[int, int], int] = {}
        self._spoken: set[int] = set()
        self._begin({})

    def start(self, delta: Start) -> Iterable[Event]:
        self._begin(delta.extra)
        yield self._chunk(0, _ROLE)

    def _begin(self, extra: Extra) -> None:
        chunk = lay_over(head(self._request, "chat.completion.chunk"), extra, NAME)
        self._before = dumps(chunk)[:-1] + ',"choices":[{"index":'
        self._after = '}],"usage":null}' if self._request.wants_usage else "}]}"
        self._head = chunk

    def _chunk(self, choice: int, delta: str, rest: str = _NO_REST) -> Event:
        """A chunk, put together from JSON: writing all of it anew for each word would take longer than all the rest."""
        self._spoken.add(choice)
        return Event.of_line(f'{self._before}{choice},"delta":{delta}{rest}{self._after}')

    def opened(self, delta: Opened) -> Iterable[Event]:
        part, choice = delta.part, delta.choice
        self._parts[choice, delta.index] = type(part)
        if choice not in self._spoken:
            yield self._chunk(choice, _ROLE)
        if isinstance(part, ToolCall):
            yield self._open_call(part, delta)
        elif isinstance(part, Thinking):
            self._thoughts[choice, delta.index] = len(self._thoughts)
            if part.redacted:
                yield self._detail(part, delta)
        elif isinstance(part, Image):
            yield self._chunk(choice, dumps({"images": [write_image(part)]}))
        elif isinstance(part, Audio):
            yield self._chunk(choice, dumps({"audio": write_audio(part, self._request)}))
        if isinstance(part, (Text, Refusal, Thinking)) and part.text:
            yield from self.appended(Appended(delta.index, part.text, choice))

    def _open_call(self, call: ToolCall, delta: Opened) -> Event:
        number = sum(place[0] == delta.choice for place in self._calls)
        self._calls[delta.choice, delta.index] = number
        if not call.arguments:
            self._empty_calls.add((delta.choice, delta.index))
        written = {
            "index": number,
            "id": call.id or made_id("call", self._request, delta.choice, number),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
            **write_call_signature(call),
        }
        return self._chunk(delta.choice, dumps({"tool_calls": [lay_over(written, call.extra, NAME)]}))

    def appended(self, delta: Appended) -> Iterable[Event]:
        kind = self._parts.get((delta.choice, delta.index), Text)
        text = dumps(delta.text)
        if kind is Text:
            if delta.logprobs:
                return (self._chunk(delta.choice, f'{{"content":{text}}}', _rest(delta)),)
            return (self._chunk(delta.choice, f'{{"content":{text}}}'),)
        if kind is ToolCall:
            number = self._calls[delta.choice, delta.index]
            self._empty_calls.discard((delta.choice, delta.index))
            call = f'{{"index":{number},"function":{{"arguments":{text}}}}}'
            return (self._chunk(delta.choice, f'{{"tool_calls":[{call}]}}'),)
        if kind is Thinking:
            number = self._thoughts[delta.choice, delta.index]
            detail = f'{{"type":"reasoning.text","text":{text},"index":{number}}}'
            return (self._chunk(delta.choice, f'{{"reasoning_content":{text},"reasoning_details":[{detail}]}}'),)
        if kind is Refusal:
            return (self._chunk(delta.choice, f'{{"refusal":{text}}}'),)
        return ()

    def closed(self, delta: Closed) -> Iterable[Event]:
        if (delta.choice, delta.index) in self._empty_calls:
            return self.appended(Appended(delta.index, "{}", delta.choice))
        return ()

    def signed(self, delta: Signed) -> Iterable[Event]:
        """A signature; that of a text is a thought's that says nothing, as a message has no place for it."""
        place = (delta.choice, delta.index)
        if self._parts.get(place) in (Text, Thinking):
            self._thoughts.setdefault(place, len(self._thoughts))
            yield self._detail(Thinking(signature=delta.signature), delta)

    def _detail(self, thought: Thinking, delta: Opened | Signed) -> Event:
        detail = write_detail(thought, self._thoughts[delta.choice, delta.index])
        return self._chunk(delta.choice, dumps({"reasoning_details": [detail]}))

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = delta.usage
        return ()

    def aside(self, delta: Aside) -> Iterable[Event]:
        if delta.dialect == NAME and isinstance(delta.value, Mapping):
            yield Event.of_json({**self._head, **delta.value})

    def end(self, delta: End) -> Iterable[Event]:
        members = lay_over({"logprobs": None, "finish_reason": write_reason(delta.reason)}, delta.extra, NAME)
        yield self._chunk(delta.choice, "{}", "," + dumps(members)[1:-1])

    def finish(self) -> Iterable[Event]:
        if self._usage is not None and self._request.wants_usage:
            yield Event.of_json({**self._head, "choices": [], "usage": write_usage(self._usage)})
        yield Event.of(DONE)


def _rest(delta: Appended) -> str:
    logprobs = {"content": write_logprobs(delta.logprobs), "refusal": None}
    return f',"logprobs":{dumps(logprobs)},"finish_reason":null'
