"""Answers that nobody recorded, made by the vendors' documents: two calls at once, and errors where none was kept.

Each is made from a recording as far as that goes, and is served by the same server.
"""

import base64
import copy
import json
import struct
import zlib

from wire.meaning import body_of
from wire.meaning.framing import server_sent
from wire.recorded import by_id

JSON, SSE, NDJSON = "application/json", "text/event-stream", "application/x-ndjson"
EVENTSTREAM = "application/vnd.amazon.eventstream"


def write(folder):
    """Puts them into a file beside the recordings' form."""
    lines = "".join(json.dumps(record) + "\n" for record in records())
    (folder / "made.jsonl").write_text(lines, encoding="utf-8")


def records():
    """All of them."""
    yield whole("made-openai-parallel", "chat/completions", openai_parallel())
    yield whole("made-responses-parallel", "responses", responses_parallel())
    yield stream("made-responses-parallel-stream", "responses", sse(responses_parallel_events()))
    yield whole("made-gemini-parallel", "generateContent", next(server_sent(recorded("gemini-92480795f9"))))
    yield whole("made-ollama-parallel", "api/chat", ollama(OLLAMA_CALLS))
    yield stream("made-ollama-tool-stream", "api/chat", ollama_stream(OLLAMA_CALLS[:1]), "ndjson", NDJSON)
    yield stream("made-ollama-parallel-stream", "api/chat", ollama_stream(OLLAMA_CALLS), "ndjson", NDJSON)
    yield whole("made-ollama-error", "api/chat", {"error": "json: cannot unmarshal"}, status=400)
    yield from errors_inside()


def whole(name, endpoint, body, status=200):
    """A whole answer."""
    return record(name, endpoint, json.dumps(body).encode(), "none", JSON, status)


def stream(name, endpoint, body, framing="sse", media_type=SSE):
    """A streamed answer."""
    return record(name, endpoint, body, framing, media_type)


def record(name, endpoint, body, framing, media_type, status=200):
    response = {
        "status": status,
        "headers": {"content-type": media_type},
        "is_stream": framing != "none",
        "framing": framing,
        "body_b64": base64.b64encode(body).decode(),
    }
    return {"id": name, "endpoint": endpoint, "model": "some-model", "tags": [], "request": None, "response": response}


def recorded(name):
    """The bytes of a recorded answer."""
    return body_of(by_id()[name])


def sse(events):
    """Events of OpenAI's responses and of Anthropic's messages: each with its type."""
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def openai_parallel():
    body = json.loads(recorded("openai-8884990440"))
    message = body["choices"][0]["message"]
    message["tool_calls"] = [message["tool_calls"][0], second(message["tool_calls"][0], "id")]
    return body


def second(call, *ids):
    """The same call with ids of its own."""
    return {**copy.deepcopy(call), **{name: f"{call[name]}2" for name in ids}}


def responses_parallel():
    body = json.loads(recorded("openai-e5938c67ab"))
    calls = [item for item in body["output"] if item["type"] == "function_call"]
    body["output"].append(second(calls[0], "id", "call_id"))
    return body


def responses_parallel_events():
    """A recorded stream of one call, with the events of that call told once more as the item after it."""
    events = list(server_sent(recorded("openai-ad08034e26")))
    *before, last = events
    about_call = [event for event in before if event.get("output_index") == 0]
    again = [told_again(event) for event in about_call]
    last["response"]["output"].append(second(last["response"]["output"][0], "id", "call_id"))
    for number, event in enumerate([*before, *again, last]):
        yield {**event, "sequence_number": number}


def told_again(event):
    event = {**event, "output_index": 1}
    if "item_id" in event:
        event["item_id"] += "2"
    if "item" in event:
        event["item"] = second(event["item"], "id", "call_id")
    return event


# https://github.com/ollama/ollama/blob/main/docs/api.md: calls come whole, and the reason is "stop".
OLLAMA_CALLS = [
    {"id": "call_1", "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Tokyo"}}},
    {"id": "call_2", "function": {"index": 1, "name": "get_weather", "arguments": {"city": "Toronto"}}},
]


def ollama(calls):
    body = json.loads(recorded("ollama-11fcf63821"))
    return {**body, "message": {"role": "assistant", "content": "", "tool_calls": calls}}


def ollama_stream(calls):
    head = {"model": "llama3", "created_at": "2026-08-01T00:00:00Z"}
    messages = [{"role": "assistant", "content": "", "tool_calls": [call]} for call in calls]
    counts = {"done_reason": "stop", "prompt_eval_count": 21, "eval_count": 33, "total_duration": 5}
    parts = [{**head, "message": message, "done": False} for message in messages]
    parts.append({**head, "message": {"role": "assistant", "content": ""}, "done": True, **counts})
    return "".join(json.dumps(part) + "\n" for part in parts).encode()


def errors_inside():
    """The beginning of a recorded stream, and then the error that its vendor documents."""
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    error = sse([overloaded])
    yield stream("made-anthropic-error", "messages", beginning("anthropic-1d2d287036", 5) + error)
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    body = beginning("gemini-4d2107f825", 1) + f"data: {json.dumps(error)}\n\n".encode()
    yield stream("made-gemini-error", "streamGenerateContent", body)
    body = beginning("ollama-67c4acebbd", 3, b"\n") + b'{"error":"an error was encountered while running the model"}\n'
    yield stream("made-ollama-error-inside", "api/chat", body, "ndjson", NDJSON)
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "the model failed"}}
    yield stream("made-cohere-error", "v2/chat", beginning("cohere-32895c7ebd", 4) + sse([end]))
    body = frames(recorded("bedrock-820ef1ee37"), 3) + exception("modelStreamErrorException", "the model failed")
    yield stream("made-bedrock-error", "converse-stream", body, "eventstream", EVENTSTREAM)


def beginning(name, events, border=b"\n\n"):
    """The first events of a recorded stream."""
    return b"".join(event + border for event in recorded(name).replace(b"\r\n", b"\n").split(border)[:events])


def frames(body, count):
    """The first messages of Amazon's event stream: each begins with its length."""
    end = 0
    for _ in range(count):
        end += struct.unpack_from(">I", body, end)[0]
    return body[:end]


def exception(kind, message):
    """A message of Amazon's event stream that reports a failure."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in {":message-type": "exception", ":exception-type": kind, ":content-type": JSON}.items()
    )
    payload = json.dumps({"message": message}).encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack(">I", zlib.crc32(head))
