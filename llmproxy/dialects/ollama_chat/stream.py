"""A streamed answer: lines, and the steps of the neutral model. https://docs.ollama.com/api/streaming"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmproxy.core import ndjson
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
from llmproxy.core.chat import Audio, Extra, Image, Refusal, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.core.signs import ALIVE, NOTHING, Signs
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.borders import Borders
from llmproxy.dialects.extra import keep, lay_over
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.ollama_chat.answer import (
    KNOWN,
    head,
    read_reason,
    read_usage,
    said_id,
    write_reason,
    write_text,
    write_usage,
)
from llmproxy.dialects.ollama_chat.parts import MESSAGE_MEMBERS, NAME, read_call, read_images, write_calls
from llmproxy.dialects.serial import SerialWriter

_KNOWN_OF_LINE = KNOWN | {"model", "created_at"}
_KNOWN_OF_MESSAGE = frozenset(MESSAGE_MEMBERS)
_NOTHING: Mapping[str, Any] = {"role": "assistant", "content": ""}


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of a line, or of a whole answer."""
    line = event.json()
    if not isinstance(line, dict):
        raise ValueError("not an object")
    if line.get("error"):
        return _ERROR
    if not line.get("done") and not whole:
        return ALIVE if line.get("message") == _NOTHING else NOTHING
    if whole and not isinstance(line.get("message"), dict):
        raise ValueError("an answer without a message")
    return Signs(read_usage(line), finished=True, terminal=True)


_ERROR = Signs(error=True)


def reader() -> Callable[[Event], list[Delta]]:
    """A function that reads the lines of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream."""

    def __init__(self) -> None:
        self._started = False
        self._has_calls = False
        self._borders = Borders()

    def read(self, event: Event) -> list[Delta]:
        return list(self._read(event.json()))

    def _read(self, line: Mapping[str, Any]) -> Iterator[Delta]:
        message = line.get("message") or _NOTHING
        if not self._started:
            self._started = True
            yield Start(None, line.get("model"), keep(NAME, line, KNOWN))
        elif not line.keys() <= _KNOWN_OF_LINE and not line.get("done"):
            yield Aside(NAME, {name: value for name, value in line.items() if name not in _KNOWN_OF_LINE})
        if message.get("thinking"):
            yield from self._borders.append("thinking", Thinking(), message["thinking"])
        content, logprobs = message.get("content"), line.get("logprobs")
        if content or logprobs:
            yield from self._borders.append("text", Text(), content or "", read_logprobs(logprobs))
        for image in read_images(message):
            yield from self._borders.whole(image)
        for call in message.get("tool_calls") or ():
            yield from self._call(read_call(call))
        if not message.keys() <= _KNOWN_OF_MESSAGE:
            yield Aside(NAME, {"message": keep(NAME, message, _KNOWN_OF_MESSAGE)[NAME]})
        if line.get("done"):
            yield from self._end(line)

    def _call(self, call: ToolCall) -> Iterator[Delta]:
        self._has_calls = True
        yield from self._borders.whole(replace(call, arguments=""), call.arguments)

    def _end(self, line: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self._borders.close_all()
        usage = read_usage(line)
        if usage is not None:
            yield Counted(usage)
        reason, own = read_reason(line.get("done_reason"), self._has_calls)
        members = {**keep(NAME, line, _KNOWN_OF_LINE).get(NAME, {}), **own.get(NAME, {})}
        yield End(reason, extra=keep(NAME, members))


class OllamaWriter(SerialWriter):
    """Writes the lines of one stream; each bears the date of the request."""

    def __init__(self, request: LLMRequest) -> None:
        super().__init__()
        self._request = request
        self._usage = Usage()
        self._last = End(DEFAULT_REASON)
        self._opened: Said = Text()
        self._said: list[str] = []
        self._thoughts: list[Thinking] = []
        self._calls = 0
        self._begin({})

    def start(self, delta: Start) -> Iterable[Event]:
        self._begin(delta.extra)
        return ()

    def _begin(self, extra: Extra) -> None:
        self._head = lay_over(head(self._request), extra, NAME)
        self._before = dumps(self._head)[:-1] + ',"message":{"role":"assistant","content":'

    def _line(self, content: str, rest: str = "", after: str = "") -> Event:
        """A line, put together from JSON: writing all of it anew for each word would take longer than all the rest."""
        return ndjson.line_of(f'{self._before}{content}{rest}}}{after},"done":false}}\n'.encode("ascii"))

    def _own_line(self, members: Mapping[str, Any]) -> Event:
        line = lay_over({**self._head, "message": dict(_NOTHING), "done": False}, {NAME: members}, NAME)
        return ndjson.line_of(f"{dumps(line)}\n".encode("ascii"))

    def opened(self, delta: Opened) -> Iterable[Event]:
        part = self._opened = delta.part
        self._said = [part.arguments] if isinstance(part, ToolCall) else []
        if isinstance(part, Image) and part.source.data:
            yield self._own_line({"message": {"images": [part.source.data]}})
        elif isinstance(part, (Text, Refusal, Thinking)) and part.text:
            yield from self.appended(Appended(delta.index, part.text))
        elif isinstance(part, (Audio, Image)) and write_text(part):
            yield self._line(dumps(write_text(part)))

    def appended(self, delta: Appended) -> Iterable[Event]:
        part = self._opened
        if isinstance(part, (Text, Refusal)):
            after = f',"logprobs":{dumps(write_logprobs(delta.logprobs))}' if delta.logprobs else ""
            return (self._line(dumps(delta.text), after=after),)
        self._said.append(delta.text)
        if isinstance(part, Thinking):
            return (self._line('""', f',"thinking":{dumps(delta.text)}'),)
        return ()

    def signed(self, delta: Signed) -> Iterable[Event]:
        if isinstance(self._opened, (Thinking, ToolCall)):
            self._opened = replace(self._opened, signature=delta.signature)
        return ()

    def closed(self, delta: Closed) -> Iterable[Event]:
        """A call is written whole: there is no line that holds a piece of one."""
        part, said = self._opened, "".join(self._said)
        if isinstance(part, Thinking):
            self._thoughts.append(replace(part, text=said))
        elif isinstance(part, ToolCall):
            id = said_id(part, self._thoughts, self._calls, self._request)
            calls = write_calls([(replace(part, arguments=said), id)], self._calls)
            self._thoughts = []
            self._calls += 1
            yield self._line('""', f',"tool_calls":{dumps(calls)}')

    def counted(self, delta: Counted) -> Iterable[Event]:
        self._usage = delta.usage
        return ()

    def aside(self, delta: Aside) -> Iterable[Event]:
        if delta.dialect == NAME and isinstance(delta.value, Mapping):
            yield self._own_line(delta.value)

    def end(self, delta: End) -> Iterable[Event]:
        self._last = delta
        return ()

    def finish(self) -> Iterable[Event]:
        members = {"done": True, "done_reason": write_reason(self._last.reason), **write_usage(self._usage)}
        yield self._own_line(lay_over(members, self._last.extra, NAME))
