"""Amazon Bedrock's Converse. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html"""

import json
import struct
import zlib
from typing import Any

from llmproxy.testing.words.base import ARGUMENTS, COUNTED, TOOL, Words

_USAGE = {"inputTokens": COUNTED[0], "outputTokens": COUNTED[1], "totalTokens": sum(COUNTED)}
_SAID = json.dumps(ARGUMENTS)
_STRING = 7


def message(value: Any, **headers: str) -> bytes:
    """A message of Amazon's event stream with this JSON and these headers, whose names begin with a colon.

    https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
    """
    block = b"".join(_header(name.replace("_", "-"), said) for name, said in headers.items())
    payload = json.dumps(value, ensure_ascii=False).encode()
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return head + struct.pack(">I", zlib.crc32(head))


def _header(name: str, value: str) -> bytes:
    said = value.encode()
    return bytes([len(name) + 1]) + b":" + name.encode() + struct.pack(">BH", _STRING, len(said)) + said


def _event(type: str, **members: Any) -> bytes:
    return message(members, event_type=type, content_type="application/json", message_type="event")


def _say(text: str) -> bytes:
    return _event("contentBlockDelta", contentBlockIndex=0, delta={"text": text})


def _argue(text: str) -> bytes:
    return _event("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": text}})


def _answer(content: dict[str, Any], reason: str) -> dict[str, Any]:
    said = {"role": "assistant", "content": [content]}
    return {"output": {"message": said}, "stopReason": reason, "usage": _USAGE, "metrics": {"latencyMs": 1}}


def _finish(reason: str) -> tuple[bytes, ...]:
    stopped = _event("contentBlockStop", contentBlockIndex=0), _event("messageStop", stopReason=reason)
    return (*stopped, _event("metadata", usage=_USAGE, metrics={"latencyMs": 1}))


_START = _event("messageStart", role="assistant")
_CALL = {"toolUseId": "tooluse_1", "name": TOOL}

BEDROCK_CONVERSE = Words(
    answer=lambda text: _answer({"text": text}, "end_turn"),
    say=_say,
    events=(_START, _say("one "), _say("two")),
    finish=_finish("end_turn"),
    call=(_START, _event("contentBlockStart", contentBlockIndex=0, start={"toolUse": _CALL}), _argue(_SAID[:13])),
    call_rest=(_argue(_SAID[13:]), *_finish("tool_use")),
    calling=_answer({"toolUse": {**_CALL, "input": ARGUMENTS}}, "tool_use"),
    error=lambda type, said: {"message": said},
    error_event=lambda type, said: message(
        {"message": said}, exception_type="internalServerException", message_type="exception"
    ),
    counted=COUNTED,
    streams=lambda path, body: path.endswith("/converse-stream"),
    stream_media="application/vnd.amazon.eventstream",
)
