"""A streamed answer, read into the steps of the neutral model. https://docs.cohere.com/reference/chat-stream"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.answer import Aside, Counted, Delta, End, Start
from llmproxy.core.chat import Text, Thinking, ToolCall
from llmproxy.core.signs import NOTHING, Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.borders import Borders
from llmproxy.dialects.cohere_chat.answer import read_reason, read_usage
from llmproxy.dialects.cohere_chat.parts import NAME, read_logprobs
from llmproxy.dialects.extra import keep

_PLAN = "plan"


def reader() -> Callable[[Event], Iterable[Delta]]:
    """A function that reads the events of one stream."""
    return _Reader().read


class _Reader:
    """What has been seen of a stream. Content and calls are counted apart from each other."""

    def __init__(self) -> None:
        self._borders = Borders()
        self._argued: set[int] = set()
        self._readers: Mapping[str, Callable[[Mapping[str, Any]], Iterable[Delta]]] = {
            "message-start": self._start,
            "tool-plan-delta": self._plan,
            "content-start": self._content,
            "content-delta": self._content,
            "content-end": self._end_content,
            "tool-call-start": self._call,
            "tool-call-delta": self._argue,
            "tool-call-end": self._end_call,
            "message-end": self._end,
        }

    def read(self, event: Event) -> Iterable[Delta]:
        if event.data == b"[DONE]":
            return ()
        value = event.json()
        read = self._readers.get(value["type"])
        return read(value) if read else (Aside(NAME, value),)

    def _start(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        yield Start(value.get("id"), extra=keep(NAME, value, ("type", "delta")))

    def _plan(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        return self._borders.append(_PLAN, Thinking(), value["delta"]["message"]["tool_plan"])

    def _content(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        content = value["delta"]["message"]["content"]  # an object, where a whole answer has a list of them
        key = ("content", value["index"])
        text, thought = content.get("text"), content.get("thinking")
        if text:
            logprobs = value.get("logprobs")
            return self._borders.append(key, Text(), text, read_logprobs([logprobs]) if logprobs else ())
        if thought:
            return self._borders.append(key, Thinking(), thought)
        return () if text == "" or thought == "" else (Aside(NAME, value),)

    def _end_content(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        return self._borders.close(("content", value["index"]))

    def _call(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        call = value["delta"]["message"]["tool_calls"]
        function = call["function"]
        opening = ToolCall(call.get("id"), function["name"], extra=keep(NAME, call, ("id", "type", "function")))
        yield from self._borders.open(("call", value["index"]), opening)
        yield from self._argued_with(value["index"], function.get("arguments"))

    def _argue(self, value: Mapping[str, Any]) -> Iterable[Delta]:
        return self._argued_with(value["index"], value["delta"]["message"]["tool_calls"]["function"]["arguments"])

    def _argued_with(self, index: int, arguments: str | None) -> Iterable[Delta]:
        if not arguments:
            return ()
        self._argued.add(index)
        return self._borders.append(("call", index), ToolCall(), arguments)

    def _end_call(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        """A call is whole; one without arguments has had no delta."""
        index = value["index"]
        if index not in self._argued:
            yield from self._argued_with(index, "{}")
        yield from self._borders.close(("call", index))

    def _end(self, value: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self._borders.close_all()
        delta = value["delta"]
        usage = read_usage(delta.get("usage"))
        if usage is not None:
            yield Counted(usage)
        reason, extra = read_reason(delta.get("finish_reason"))
        yield End(reason, extra=extra)


def signs(event: Event, whole: bool) -> Signs:
    """What a relay needs to know of an event, or of a whole answer."""
    if event.data == b"[DONE]":
        return _DONE
    value = event.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if whole:
        return _signs_of_answer(value)
    kind = value.get("type")
    if kind == "message-end":
        return _signs_of_end(value.get("delta"))
    if not isinstance(kind, str):
        return _signs_of_error(value)
    return NOTHING


_DONE = Signs(terminal=True)
_ERROR = Signs(error=True)


def _signs_of_answer(body: Mapping[str, Any]) -> Signs:
    if isinstance(body.get("message"), dict):
        return Signs(read_usage(body.get("usage")), finished=True, terminal=True)
    return _signs_of_error(body)


def _signs_of_end(delta: Any) -> Signs:
    if not isinstance(delta, dict):
        raise ValueError("an end that says nothing")
    if delta.get("error"):
        return _ERROR
    return Signs(read_usage(delta.get("usage")), finished=True)


def _signs_of_error(value: Mapping[str, Any]) -> Signs:
    if not isinstance(value.get("message"), str):
        raise ValueError("neither an answer nor an error")
    return _ERROR
