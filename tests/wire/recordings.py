"""The recorded exchanges: where they are, which are in dialects we speak, and what a client should see of them."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

WIRE = Path(os.environ.get("LLMPROXY_WIRE") or Path(__file__).resolve().parents[3] / "shared" / "wire")
ENDPOINTS = ("chat/completions", "completions", "embeddings", "responses")

ENDINGS = ("response.completed", "response.incomplete", "response.failed")

# A recording without a request is served to one that asks for the same form of answer.
INVENTED = {
    "chat/completions": {"messages": [{"role": "user", "content": "hello"}]},
    "completions": {"prompt": "hello"},
    "embeddings": {"input": "hello"},
    "responses": {"input": "hello"},
}

# What becomes of a status that is not the client's fault (RELIABILITY B2-B6): status, code.
OURS = {
    401: (502, "upstream_auth_failed"),
    403: (502, "upstream_auth_failed"),
    408: (504, "upstream_timeout"),
    429: (429, "upstream_rate_limited"),
}


@functools.cache
def records():
    """Every recorded exchange of OpenAI's four dialects, as (file, record); none where the recordings are absent."""
    found = []
    for path in sorted(WIRE.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [(path.stem, read(line)) for line in lines]
    return [(name, record) for name, record in found if record["endpoint"] in ENDPOINTS]


def read(line):
    """A record; one that answers a responses call with a chat completion (a test fixture did) counts as a chat."""
    record = json.loads(line)
    if record["endpoint"] == "responses" and '"object": "chat.completion"' in record["response"].get("body_text", ""):
        record["endpoint"] = "chat/completions"
    return record


def expected_events(record):
    """The events a client should see of a recorded stream: all of them, but for three rules.

    What follows the terminal event is dropped (RELIABILITY D9); a stream that finished without its last line gets it
    (D3), one that ended with an error does not; usage that the client did not ask for is hidden (D16).
    """
    body, events = body_of(record), events_of(record["response"]["body_text"])
    if record["endpoint"] == "responses":
        ends = [number for number, (kind, _) in enumerate(events) if kind in ENDINGS]
        return events[: ends[0] + 1] if ends else events
    values = [json.loads(data) if data != "[DONE]" else {} for _, data in events]
    asked = (body.get("stream_options") or {}).get("include_usage")
    shown = [
        event
        for event, value in zip(events, values, strict=True)
        if asked or value.get("choices") != [] or not value.get("usage")
    ]
    failed = any(value.get("error") for value in values)
    return shown if failed or shown[-1][1] == "[DONE]" else [*shown, (None, "[DONE]")]


@contextlib.contextmanager
def replaying(chunking, *more):
    """The recordings' own server in a process of its own, with further folders of records; gives its URL."""
    command = [sys.executable, str(WIRE / "replay.py"), str(WIRE), *map(str, more), "--port", "0", "--chunk", chunking]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def body_of(record):
    """The request as it was recorded, or one that asks for the same form of answer."""
    if record["request"] and isinstance(record["request"]["json"], dict):
        body = dict(record["request"]["json"])
    else:
        body = dict(INVENTED[record["endpoint"]])
        if record["response"]["is_stream"]:
            body |= {"stream": True}
            if record["endpoint"] != "responses":
                body["stream_options"] = {"include_usage": True}
    body.setdefault("model", record["model"] or "some-model")
    return body


def events_of(body):
    """The events of a stream, read by the simplest means there is: (type, data)."""
    events = []
    for block in body.replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        kinds = [line.partition(":")[2].strip() for line in lines if line.startswith("event:")]
        data = "\n".join(line.partition(":")[2].removeprefix(" ") for line in lines if line.startswith("data:"))
        if data:
            events.append((kinds[0] if kinds else None, data))
    return events
