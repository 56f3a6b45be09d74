"""Every recorded exchange with Bedrock: its answer is read for what it says, and its request is what we write."""

import dataclasses
import json

import pytest
from dialects.bedrock_converse.service import check

from llmproxy.core.answer import Answer
from llmproxy.core.chat import (
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.bedrock_converse import BedrockConverseProvider
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider
from wire.recordings import WIRE
from wire.round_trips.harness import recorded_bytes, records_of

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}")

CONVERSE, INVOKE = BedrockConverseProvider(), BedrockInvokeAnthropicProvider()
REASONS = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
}


def cases(*endpoints, status=200):
    records = [record for _, record in records_of(endpoints) if record["response"]["status"] == status]
    return [pytest.param(record, id=record["id"]) for record in records]


# Answers.


def figures(usage):
    """Input and output as they are counted here, and what was read from a cache and written to it."""
    read, written = usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")
    return usage["inputTokens"] + (read or 0) + (written or 0), usage["outputTokens"], read, written


def seen(answer):
    usage = answer.usage
    return (
        answer.text,
        [(call.id, call.name, json.loads(call.arguments)) for call in answer.tool_calls],
        answer.reason,
        (usage.input, usage.output, usage.cached, usage.cache_written),
        answer.thinking,
    )


def is_clients(use):
    return use.get("type") != "server_tool_use"


def expected(blocks, reason, usage):
    calls = [block["toolUse"] for block in blocks if "toolUse" in block and is_clients(block["toolUse"])]
    thoughts = [block["reasoningContent"].get("reasoningText", {}) for block in blocks if "reasoningContent" in block]
    return (
        "".join(block.get("text", "") for block in blocks),
        [(call["toolUseId"], call["name"], call["input"]) for call in calls],
        REASONS[reason],
        figures(usage) if usage else (None,) * 4,
        "".join(thought.get("text", "") for thought in thoughts),
    )


@pytest.mark.parametrize("record", cases("converse"))
def test_an_answer_is_read_for_what_it_says(record):
    raw = recorded_bytes(record)
    body = json.loads(raw)
    assert CONVERSE.signs(Event.whole(raw), True).terminal
    said = expected(body["output"]["message"]["content"], body["stopReason"], body["usage"])
    assert seen(CONVERSE.read_answer(body)) == said
    assert body["usage"]["totalTokens"] == CONVERSE.read_answer(body).usage.total


def streamed(events):
    """The blocks, the reason and the usage that a stream's events come to."""
    blocks, reason, usage = {}, None, None
    for event in events:
        value = json.loads(event.data)
        block = blocks.setdefault(value.get("contentBlockIndex"), {})
        if event.type == "contentBlockStart" and "toolUse" in value["start"]:
            block["toolUse"] = {**value["start"]["toolUse"], "input": ""}
        elif event.type == "contentBlockDelta":
            grow(block, value["delta"])
        reason, usage = value.get("stopReason", reason), value.get("usage", usage)
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return list(blocks.values()), reason, usage


def grow(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "text" in delta.get("reasoningContent", {}):
        thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
        thought["text"] += delta["reasoningContent"]["text"]


@pytest.mark.parametrize("pieces", ["whole", 7])
@pytest.mark.parametrize("record", cases("converse-stream"))
def test_a_stream_is_read_for_what_it_says(record, pieces):
    raw = recorded_bytes(record)
    chunks = [raw] if pieces == "whole" else [raw[at : at + pieces] for at in range(0, len(raw), pieces)]
    events = [event for event in CONVERSE.decode(chunks) if event is not PAUSE]
    read = CONVERSE.reader()
    answer = Answer.collect(delta for event in events for delta in read(event))
    assert b"".join(event.raw for event in events) == raw
    assert seen(answer) == expected(*streamed(events))
    assert any(CONVERSE.signs(event, False).finished for event in events)


@pytest.mark.parametrize("record", cases("converse", "converse-stream", status=400) + cases("converse", status=403))
def test_an_error_is_read(record):
    response = record["response"]
    error = CONVERSE.read_error(response["status"], response["headers"], recorded_bytes(record))
    if response["status"] == 403:
        assert error.code == "upstream_auth_failed"
    else:
        assert (error.code, error.message) == ("upstream_rejected", json.loads(recorded_bytes(record))["message"])


def is_claude(record):
    return "anthropic" in (record["model"] or "")


@pytest.mark.parametrize("record", [case for case in cases("invoke-with-response-stream") if is_claude(case.values[0])])
def test_claudes_own_events_come_out_of_their_wrapping(record):
    events = [event for event in INVOKE.decode([recorded_bytes(record)]) if event is not PAUSE]
    read = INVOKE.reader()
    answer = Answer.collect(delta for event in events for delta in read(event))
    assert [events[0].type, events[-1].type] == ["message_start", "message_stop"]
    assert INVOKE.signs(events[-1], False).terminal
    assert answer.text
    assert answer.usage.output == events[-2].json()["usage"]["output_tokens"]


@pytest.mark.parametrize("record", [case for case in cases("invoke") if is_claude(case.values[0])])
def test_claudes_own_answer_is_read(record):
    body = json.loads(recorded_bytes(record))
    assert INVOKE.read_answer(body).text == body["content"][0]["text"]


# Requests.


def requests():
    return [case for case in cases("converse", "converse-stream") if case.values[0]["request"]]


def read_request(record):
    """What a recorded request asks, read by the simplest means there is."""
    body = record["request"]["json"]
    inference, config = body.get("inferenceConfig", {}), body.get("toolConfig", {})
    system = (Message("system", tuple(read_blocks(body["system"]))),) if body.get("system") else ()
    return Chat(
        record["model"],
        system + tuple(Message(turn["role"], tuple(read_blocks(turn["content"]))) for turn in body["messages"]),
        tools=tuple(read_tool(tool) for tool in config.get("tools", ())),
        tool_choice=read_choice(config.get("toolChoice")),
        max_tokens=inference.get("maxTokens"),
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        stop=tuple(inference.get("stopSequences", ())),
        response_format=read_format(body.get("outputConfig")),
    )


def read_blocks(blocks):
    parts = []
    for block in blocks:
        ((kind, value),) = block.items()
        if kind == "cachePoint":
            parts[-1] = dataclasses.replace(parts[-1], cache=Cache(value.get("ttl")))
        elif kind == "text":
            parts.append(Text(value))
        elif kind == "image":
            parts.append(Image(Source(f"image/{value['format']}", data=value["source"]["bytes"])))
        elif kind == "document":
            media_type = {"pdf": "application/pdf", "txt": "text/plain"}[value["format"]]
            parts.append(Document(Source(media_type, data=value["source"]["bytes"]), value["name"]))
        elif kind == "toolUse":
            parts.append(ToolCall(value["toolUseId"], value["name"], json.dumps(value["input"])))
        elif kind == "toolResult":
            failed = {"success": False, "error": True}.get(value.get("status"))
            parts.append(ToolResult(value["toolUseId"], tuple(read_blocks(value["content"])), is_error=failed))
        elif kind == "reasoningContent":
            thought = value["reasoningText"]
            parts.append(Thinking(thought["text"], Signature(thought["signature"], "anthropic")))
        else:
            parts.append(Other("bedrock.converse", block))
    return parts


def read_tool(tool):
    spec = tool.get("toolSpec")
    if spec is None:
        return Other("bedrock.converse", tool)
    return Tool(spec["name"], spec.get("description"), spec["inputSchema"]["json"], spec.get("strict"))


def read_choice(choice):
    if not choice:
        return None
    ((kind, value),) = choice.items()
    return ToolChoice("auto" if kind == "auto" else "required", (value["name"],) if kind == "tool" else ())


def read_format(config):
    if not config:
        return None
    schema = config["textFormat"]["structure"]["jsonSchema"]
    return ResponseFormat("schema", json.loads(schema["schema"]), schema.get("name"), schema.get("description"))


NO_WORD = ("additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "serviceTier")


def comparable(body):
    """A request without what the neutral model has no word for and what is empty, its schema as JSON.

    A document's name is compared without underscores, which Bedrock took though its page does not allow them.
    """
    body = {name: value for name, value in body.items() if value and name not in NO_WORD}
    body["messages"] = json.loads(json.dumps(body["messages"]).replace('"sample_2"', '"sample-2"'))
    if "outputConfig" in body:
        format = read_format(body["outputConfig"])
        body["outputConfig"] = (format.schema, format.name, format.description)
    return body


@pytest.mark.parametrize("record", requests())
def test_a_request_of_the_same_meaning_is_the_recorded_one(record):
    written, lost = CONVERSE.write_request(read_request(record))
    assert comparable(written) == comparable(record["request"]["json"])
    assert lost == []
    check(written, record["model"])


@pytest.mark.parametrize("record", requests())
def test_amazons_own_description_knows_the_recorded_requests(record):
    check(record["request"]["json"], record["model"])
