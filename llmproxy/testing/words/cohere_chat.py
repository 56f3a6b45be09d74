"""Cohere. https://docs.cohere.com/reference/chat-stream"""

import json
from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words, event

_USAGE = {"tokens": {"input_tokens": COUNTED[0], "output_tokens": COUNTED[1]}}
_SAID = json.dumps(ARGUMENTS)


def _answer(reason: str, **message: Any) -> dict[str, Any]:
    return {"id": "c1", "message": {"role": "assistant", **message}, "finish_reason": reason, "usage": _USAGE}


def _event(type: str, index: int | None = 0, **message: Any) -> bytes:
    where = {} if index is None else {"index": index}
    return event({"type": type, **where, **({"delta": {"message": message}} if message else {})}, type)


def _say(text: str) -> bytes:
    return _event("content-delta", content={"text": text})


def _argue(text: str) -> bytes:
    return _event("tool-call-delta", tool_calls={"function": {"arguments": text}})


def _end(reason: str, **members: Any) -> bytes:
    return event({"type": "message-end", "delta": {"finish_reason": reason, **members}}, "message-end")


_START = event({"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}}, "message-start")
_OPEN = _event("content-start", content={"type": "text", "text": ""})
_CALL = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": ""}}
_CALLED = {**_CALL, "function": {"name": TOOL, "arguments": _SAID}}

COHERE_CHAT = Words(
    answer=lambda text: _answer("COMPLETE", content=[{"type": "text", "text": text}]),
    say=_say,
    events=(_START, _OPEN, _say("one "), _say("two")),
    finish=(_event("content-end"), _end("COMPLETE", usage=_USAGE)),
    done=b"data: [DONE]\n\n",
    call=(_START, _event("tool-call-start", tool_calls=_CALL), _argue(_SAID[:13])),
    call_rest=(_argue(_SAID[13:]), _event("tool-call-end"), _end("TOOL_CALL", usage=_USAGE), b"data: [DONE]\n\n"),
    calling=_answer("TOOL_CALL", tool_calls=[_CALLED]),
    error=lambda type, message: {"id": "c1", "message": message},
    error_event=lambda type, message: _end("ERROR", error=message),
    ping=b": ping\n\n",
    counted=COUNTED,
)
