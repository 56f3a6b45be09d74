"""Google's Gemini. https://ai.google.dev/api/generate-content"""

from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words, event

_USAGE = {"promptTokenCount": COUNTED[0], "candidatesTokenCount": COUNTED[1], "totalTokenCount": sum(COUNTED)}
_ALL = {"modelVersion": "m", "responseId": "r1"}
_CALL = {"functionCall": {"name": TOOL, "args": ARGUMENTS}}


def _answer(part: dict[str, Any], reason: str | None = "STOP") -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [part]}, **({"finishReason": reason} if reason else {})}
    return {"candidates": [candidate], **({"usageMetadata": _USAGE} if reason else {}), **_ALL}


def _say(text: str) -> bytes:
    return event(_answer({"text": text}, None))


def _error(type: str, message: str) -> dict[str, Any]:
    return {"error": {"code": 500, "message": message, "status": "INTERNAL"}}


GEMINI_GENERATE = Words(
    answer=lambda text: _answer({"text": text}),
    say=_say,
    finish=(event(_answer({"text": ""})),),
    call=(event(_answer(_CALL, None)),),
    call_rest=(event(_answer({"text": ""})),),
    calling=_answer(_CALL),
    error=_error,
    error_event=lambda type, message: event(_error(type, message)),
    ping=b": ping\n\n",
    counted=COUNTED,
    streams=lambda path, body: ":streamGenerateContent" in path,
)
