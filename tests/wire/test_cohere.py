"""Every recorded answer of Cohere's says the same in the neutral model: text, calls, why it ended, what it cost."""

import json

import pytest

from llmproxy.core.answer import Answer
from llmproxy.core.chat import Other
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.cohere_chat import CohereChatProvider
from wire.recordings import WIRE, events_of
from wire.round_trips.harness import records_of

COHERE = CohereChatProvider()
CHATS = [record for name, record in records_of(("v2/chat",)) if name == "cohere"]
REASONS = {"COMPLETE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}")


def answered(*, stream):
    return [
        pytest.param(record, id=record["id"])
        for record in CHATS
        if record["response"]["status"] == 200 and record["response"]["is_stream"] == stream
    ]


def of_stream(record):
    read = COHERE.reader()
    events = COHERE.decode([record["response"]["body_text"].encode()])
    return Answer.collect(delta for event in events if event is not PAUSE and event.data for delta in read(event))


def joined(record):
    """A recorded stream as the whole answer that it stands for, put together by the simplest means there is."""
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    body = {"message": message}
    for kind, data in events_of(record["response"]["body_text"]):
        value = json.loads(data) if data != "[DONE]" else {}
        said = (value.get("delta") or {}).get("message") or {}
        if kind == "message-start":
            body["id"] = value["id"]
        elif kind == "content-start":
            message["content"].append(said["content"])
        elif kind == "content-delta":
            for name, text in said["content"].items():
                message["content"][value["index"]][name] += text
        elif kind == "tool-plan-delta":
            message["tool_plan"] += said["tool_plan"]
        elif kind == "tool-call-start":
            message["tool_calls"].append(said["tool_calls"])
        elif kind == "tool-call-delta":
            function = message["tool_calls"][value["index"]]["function"]
            function["arguments"] += said["tool_calls"]["function"]["arguments"]
        elif kind == "citation-start":
            message["citations"].append(said["citations"])
        elif kind == "message-end":
            body |= value["delta"]
    return body


def assert_says(answer, body):
    """That the answer says what stands in the body."""
    message, tokens = body["message"], body["usage"]["tokens"]
    content = message.get("content") or []
    thoughts = [message.get("tool_plan") or "", *(item["thinking"] for item in content if item["type"] == "thinking")]
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls") or []]
    assert answer.text == "".join(item["text"] for item in content if item["type"] == "text")
    assert answer.thinking == "".join(thoughts)
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        (id, function["name"], function["arguments"] or "{}") for id, function in calls
    ]
    assert answer.reason == REASONS[body["finish_reason"]]
    assert (answer.usage.input, answer.usage.output) == (tokens["input_tokens"], tokens["output_tokens"])
    assert (answer.usage.cached, answer.usage.reasoning) == (
        body["usage"].get("cached_tokens"),
        tokens.get("reasoning_tokens"),
    )
    assert not any(isinstance(part, Other) for part in answer.parts)


@pytest.mark.parametrize("record", answered(stream=False))
def test_a_whole_answer_says_what_stands_in_the_recording(record):
    body = json.loads(record["response"]["body_text"])
    assert_says(COHERE.read_answer(body), body)


@pytest.mark.parametrize("record", answered(stream=True))
def test_a_stream_says_what_stands_in_the_recording(record):
    assert_says(of_stream(record), joined(record))


@pytest.mark.parametrize("record", answered(stream=True))
def test_a_stream_and_the_whole_answer_that_it_stands_for_are_one(record):
    whole, streamed = COHERE.read_answer(joined(record)), of_stream(record)
    assert (whole.parts, whole.reason, whole.usage, whole.id) == (
        streamed.parts,
        streamed.reason,
        streamed.usage,
        streamed.id,
    )


@pytest.mark.parametrize("record", answered(stream=True))
def test_a_recorded_stream_is_finished_and_no_error(record):
    events = [event for event in COHERE.decode([record["response"]["body_text"].encode()]) if event is not PAUSE]
    signs = [COHERE.signs(event, False) for event in events if event.data]
    assert sum(each.finished for each in signs) == 1
    assert not any(each.error for each in signs)


@pytest.mark.parametrize("record", answered(stream=False))
def test_a_recorded_answer_has_its_usage_among_its_signs(record):
    body = record["response"]["body_text"].encode()
    signs = COHERE.signs(Event.whole(body), True)
    assert signs.usage == COHERE.read_answer(json.loads(body)).usage


def test_all_of_cohere_is_read():
    assert (len(answered(stream=False)), len(answered(stream=True))) == (13, 8)
