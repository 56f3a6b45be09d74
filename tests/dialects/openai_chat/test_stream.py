"""Streams, in the neutral model and back. The recorded ones are in tests/wire; here is what they do not show."""

import json

import pytest

from llmproxy.core.answer import (
    Answer,
    Appended,
    Aside,
    Closed,
    Counted,
    End,
    Opened,
    Signed,
    Start,
    Usage,
)
from llmproxy.core.chat import Refusal, Signature, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider
from llmproxy.dialects.openai_chat.stream import reader


def chunk(delta=None, **members):
    choice = {"index": members.pop("index", 0), "delta": delta or {}, "finish_reason": members.pop("reason", None)}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **members}


def read(*chunks):
    reading = reader()
    return [delta for value in chunks for delta in reading(Event.of_json(value))]


def write(*deltas, **members):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, **members}
    request = OpenAIChatClient().parse(json.dumps(body).encode(), RequestContext(id="req-1"))
    events = [event for event in OpenAIChatClient().write_stream(deltas, request) if event is not PAUSE]
    return [event.json() for event in events[:-1]]


def said(*deltas, **members):
    """The deltas of the chunks that say these steps."""
    return [chunk["choices"][0]["delta"] for chunk in write(Start(), *deltas, **members) if chunk["choices"]][1:]


def test_the_first_azure_chunk_is_no_beginning():
    filtered = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    assert read(filtered, chunk({"role": "assistant", "content": ""}))[:2] == [
        Aside("openai.chat", filtered),
        Start("c1", "m", {"openai.chat": {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}}),
    ]


def test_role_content_and_call_may_come_in_one_chunk():
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    _, *deltas = read(chunk({"role": "assistant", "content": "a", "tool_calls": [call]}, reason="tool_calls"))
    assert deltas == [
        Opened(0, Text()), Appended(0, "a"), Closed(0),
        Opened(1, ToolCall("1", "f")), Appended(1, "{}"), Closed(1), End("tool_calls"),
    ]  # fmt: skip


def test_parallel_calls_are_told_apart_by_their_index():
    calls = [{"index": index, "id": str(index), "function": {"name": "f", "arguments": ""}} for index in (0, 1)]
    more = {"index": 0, "function": {"arguments": '{"a"'}}
    _, *deltas = read(chunk({"tool_calls": calls}), chunk({"tool_calls": [more]}))
    assert deltas == [Opened(0, ToolCall("0", "f")), Opened(1, ToolCall("1", "f")), Appended(0, '{"a"')]


def test_a_finish_reason_may_be_absent():
    value = chunk({"content": "a"})
    del value["choices"][0]["finish_reason"]
    assert read(value)[-1] == Appended(0, "a")


@pytest.mark.parametrize("usage_first", [True, False])
def test_usage_may_come_on_the_finish_chunk_or_after_it(usage_first):
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    last = (
        [chunk({}, reason="stop", usage=usage)]
        if usage_first
        else [chunk({}, reason="stop"), {"id": "c1", "choices": [], "usage": usage}]
    )
    end, counted = read(*last)[-2:]
    assert (end, counted) == (End("stop"), Counted(Usage(3, 2)))


@pytest.mark.parametrize("member", ["reasoning", "reasoning_content"])
def test_thoughts_come_in_either_member(member):
    deltas = read(chunk({member: "hm"}), chunk({"content": "a"}))
    assert deltas[1:] == [
        Opened(0, Thinking()), Appended(0, "hm"), Closed(0), Opened(1, Text()), Appended(1, "a"),
    ]  # fmt: skip


def test_thoughts_with_a_signature_are_signed():
    details = [{"type": "reasoning.text", "text": "hm", "index": 0}]
    signed = [{"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]
    deltas = read(chunk({"reasoning_details": details}), chunk({"reasoning_details": signed}))
    assert deltas[1:] == [Opened(0, Thinking()), Appended(0, "hm"), Signed(0, Signature("s", "anthropic"))]


def test_choices_interleave():
    deltas = read(chunk({"content": "a"}), chunk({"content": "b"}, index=1))
    assert deltas[1:] == [Opened(0, Text()), Appended(0, "a"), Opened(0, Text(), 1), Appended(0, "b", 1)]


def test_a_reason_of_the_hosts_own_is_a_stop_and_is_kept():
    assert read(chunk({}, reason="eos"))[-1] == End("stop", extra={"openai.chat": {"finish_reason": "eos"}})


def test_what_a_host_says_besides_is_passed_on_once():
    asides = [delta for delta in read(chunk(x_host=1), chunk(x_host=1), chunk(x_host=2)) if isinstance(delta, Aside)]
    assert [aside.value for aside in asides] == [{"choices": [], "x_host": 1}, {"choices": [], "x_host": 2}]


def test_padding_is_not_passed_on():
    assert not any(isinstance(delta, Aside) for delta in read(chunk(obfuscation="abc"), chunk(p="abc")))


def test_a_stream_begins_with_the_role_and_ends_with_the_reason():
    first, second, last = write(Start(), Opened(0, Text()), Appended(0, "a"), Closed(0), End("length"))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert second["choices"][0] == {"index": 0, "delta": {"content": "a"}, "logprobs": None, "finish_reason": None}
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}


def test_every_chunk_has_the_id_the_date_and_the_model_that_was_asked_for():
    heads = [{**value, "choices": None} for value in write(*Answer.of("a").play())]
    assert all(head == heads[0] for head in heads)
    assert (heads[0]["id"], heads[0]["model"]) == ("chatcmpl-req-1", "m")


def test_a_call_says_its_id_and_name_once():
    deltas = said(Opened(0, ToolCall("1", "f")), Appended(0, '{"a"'), Appended(0, ":1}"), Closed(0))
    assert deltas == [
        {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
    ]


def test_a_call_without_arguments_has_an_empty_object():
    deltas = said(Opened(0, ToolCall("1", "f")), Closed(0))
    assert [delta["tool_calls"][0]["function"]["arguments"] for delta in deltas] == ["", "{}"]


def test_calls_are_counted_apart_from_other_parts():
    deltas = said(Opened(0, Text()), Closed(0), Opened(1, ToolCall("1", "f")), Opened(2, ToolCall("2", "g")))
    assert [delta["tool_calls"][0]["index"] for delta in deltas] == [0, 1]


def test_a_call_without_an_id_gets_one_of_its_own():
    deltas = said(Opened(0, ToolCall(None, "f")), Opened(1, ToolCall(None, "f")))
    assert [delta["tool_calls"][0]["id"] for delta in deltas] == ["call_req-1_0_0", "call_req-1_0_1"]


def test_thoughts_come_as_reasoning_content_and_in_details():
    signature = Signature("s", "anthropic")
    deltas = said(Opened(0, Thinking()), Appended(0, "hm"), Signed(0, signature), Closed(0))
    assert deltas == [
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]},
        {
            "reasoning_details": [
                {"type": "reasoning.text", "text": "", "signature": "s", "format": "anthropic-claude-v1", "index": 0}
            ]
        },
    ]


def test_the_signature_of_a_text_is_that_of_a_thought_that_says_nothing():
    thought, text = Thinking("hm"), Text("hi", signature=Signature("x", "google"))
    chunks = write(*Answer.of(thought, text).play())
    details = [detail for each in chunks for detail in each["choices"][0]["delta"].get("reasoning_details", ())]
    assert [(detail["index"], detail["text"], detail.get("signature")) for detail in details] == [
        (0, "hm", None),
        (1, "", "x"),
    ]


def test_a_refusal_has_a_member_of_its_own():
    assert said(Opened(0, Refusal()), Appended(0, "no")) == [{"refusal": "no"}]


def test_probabilities_come_with_their_text():
    token = TokenLogprob("a", -0.5, (97,))
    _, value, *_ = write(Start(), Opened(0, Text()), Appended(0, "a", logprobs=(token,)))
    tokens = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    assert value["choices"][0]["logprobs"] == {"content": tokens, "refusal": None}


def test_usage_comes_last_and_is_null_before_for_those_who_asked():
    steps = [Start(), Counted(Usage(3, 2, cached=1)), End("stop")]
    *others, last = write(*steps, stream_options={"include_usage": True})
    assert [value["usage"] for value in others] == [None, None]
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}


def test_usage_is_not_said_to_those_who_did_not_ask():
    assert all("usage" not in value for value in write(Start(), Counted(Usage(3, 2)), End("stop")))


def test_an_error_of_the_model_is_a_stop_with_what_there_is():
    assert write(Start(), End("error"))[-1]["choices"][0]["finish_reason"] == "stop"


def test_another_dialects_aside_is_not_written():
    assert len(write(Start(), Aside("anthropic.messages", {"type": "odd"}))) == 1


def test_text_beyond_ascii_and_percent_signs_survive():
    assert said(Opened(0, Text()), Appended(0, '100 % ü "\ud83d\n')) == [{"content": '100 % ü "\ud83d\n'}]


def test_an_error_counts_even_where_choices_stand_beside_it_as_openrouter_sends_them():
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "native_finish_reason": None}
    data = json.dumps({"id": "c1", "choices": [choice], "error": {"code": 502, "message": "Provider disconnected"}})
    assert OpenAIChatProvider().signs(Event.of(data), whole=False).error


def test_a_call_that_groq_could_not_read_is_an_error_in_its_stream():
    error = {"message": "Failed to call a function.", "code": "tool_use_failed", "failed_generation": "<f>"}
    data = json.dumps({"error": {**error, "type": "invalid_request_error", "status_code": 400}})
    assert OpenAIChatProvider().signs(Event.of(data), whole=False).error
    said = OpenAIChatProvider().read_error(200, {}, data.encode())
    assert (said.status, "<f>" in said.message) == (502, False)


def test_groqs_own_member_of_its_chunks_is_passed_on():
    _, aside = read(chunk({"role": "assistant"}, x_groq={"id": "req_1"}))
    assert aside.value == {"choices": [], "x_groq": {"id": "req_1"}}


def test_a_whole_call_may_come_in_one_chunk_without_an_id():
    call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    _, opened, appended = read(chunk({"tool_calls": [call]}))
    assert (opened.part, appended.text) == (ToolCall(None, "f"), "{}")
