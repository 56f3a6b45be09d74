"""Anthropic's messages. https://platform.claude.com/docs/en/build-with-claude/streaming"""

import json
from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words, event

_USAGE = {"input_tokens": COUNTED[0], "output_tokens": COUNTED[1]}
_SAID = json.dumps(ARGUMENTS)


def _message(content: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    said = {"stop_reason": reason, "stop_sequence": None, "usage": _USAGE}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, **said}


def _event(type: str, **members: Any) -> bytes:
    return event({"type": type, **members}, type)


def _delta(**delta: Any) -> bytes:
    return _event("content_block_delta", index=0, delta=delta)


def _say(text: str) -> bytes:
    return _delta(type="text_delta", text=text)


def _argue(text: str) -> bytes:
    return _delta(type="input_json_delta", partial_json=text)


def _open(**block: Any) -> bytes:
    return _event("content_block_start", index=0, content_block=block)


def _finish(reason: str) -> tuple[bytes, ...]:
    ended = _event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=_USAGE)
    return _event("content_block_stop", index=0), ended


def _error(type: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message}}


_START = _event("message_start", message=_message([], None))
_STOP = _event("message_stop")

ANTHROPIC_MESSAGES = Words(
    answer=lambda text: _message([{"type": "text", "text": text}], "end_turn"),
    say=_say,
    events=(_START, _open(type="text", text=""), _say("one "), _say("two")),
    finish=_finish("end_turn"),
    done=_STOP,
    call=(_START, _open(type="tool_use", id="toolu_1", name=TOOL, input={}), _argue(_SAID[:13])),
    call_rest=(_argue(_SAID[13:]), *_finish("tool_use"), _STOP),
    calling=_message([{"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": ARGUMENTS}], "tool_use"),
    error=_error,
    error_event=lambda type, message: event(_error(type, message), "error"),
    ping=_event("ping"),
    counted=COUNTED,
)
