"""OpenAI's chat. https://platform.openai.com/docs/api-reference/chat"""

import json
from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words, event

_USAGE = {"prompt_tokens": COUNTED[0], "completion_tokens": COUNTED[1], "total_tokens": sum(COUNTED)}
_ALL = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}
_CHUNK = {**_ALL, "object": "chat.completion.chunk"}
_CALL = {"id": "call_1", "type": "function", "function": {"name": TOOL, "arguments": json.dumps(ARGUMENTS)}}
_SAID = json.dumps(ARGUMENTS)


def _completion(message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}]
    return {**_ALL, "object": "chat.completion", "choices": choices, "usage": _USAGE}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    return event({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})


def _calling(function: dict[str, str], **members: str) -> bytes:
    return _chunk({"tool_calls": [{"index": 0, **members, "function": function}]})


def _error(type: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": type}}


_COUNTED = event({**_CHUNK, "choices": [], "usage": _USAGE})

OPENAI_CHAT = Words(
    answer=lambda text: _completion({"content": text}),
    say=lambda text: _chunk({"content": text}),
    events=(_chunk({"role": "assistant", "content": "one "}), _chunk({"content": "two"})),
    finish=(_chunk({}, "stop"), _COUNTED),
    done=b"data: [DONE]\n\n",
    call=(
        _calling({"name": TOOL, "arguments": ""}, id="call_1", type="function"),
        _calling({"arguments": _SAID[:13]}),
    ),
    call_rest=(_calling({"arguments": _SAID[13:]}), _chunk({}, "tool_calls"), _COUNTED, b"data: [DONE]\n\n"),
    calling=_completion({"content": None, "tool_calls": [_CALL]}, "tool_calls"),
    error=_error,
    error_event=lambda type, message: event(_error(type, message)),
    ping=b": ping\n\n",
    counted=COUNTED,
)
"""An upstream that speaks OpenAI's chat."""
