"""Ollama. https://docs.ollama.com/api/chat"""

import json
from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words

_HEAD = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
_END = {"done": True, "done_reason": "stop", "prompt_eval_count": COUNTED[0], "eval_count": COUNTED[1]}
_CALLS = [{"function": {"name": TOOL, "arguments": ARGUMENTS}}]


def _line(end: dict[str, Any], **message: Any) -> dict[str, Any]:
    return {**_HEAD, "message": {"role": "assistant", "content": "", **message}, **end}


def _bytes(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


OLLAMA_CHAT = Words(
    answer=lambda text: _line(_END, content=text),
    say=lambda text: _bytes(_line({"done": False}, content=text)),
    finish=(_bytes(_line(_END)),),
    call=(_bytes(_line({"done": False}, tool_calls=_CALLS)),),
    call_rest=(_bytes(_line(_END)),),
    calling=_line(_END, tool_calls=_CALLS),
    error=lambda type, message: {"error": message},
    error_event=lambda type, message: _bytes({"error": message}),
    counted=COUNTED,
    stream_media="application/x-ndjson",
)
