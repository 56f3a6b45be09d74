import json

import pytest

from llmproxy.core import ndjson
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
from llmproxy.core.chat import Audio, Image, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.signs import Signs
from llmproxy.core.sse import PAUSE
from llmproxy.dialects.ollama_chat import OllamaChatClient, OllamaChatProvider
from llmproxy.dialects.ollama_chat.ids import read_id

HEAD = {"model": "llama3", "created_at": "2024-05-24T20:57:43.314639Z"}
CALL = {"function": {"name": "add", "arguments": {"a": 2}}}


def line(message=None, **members):
    return {**HEAD, "message": {"role": "assistant", "content": "", **(message or {})}, "done": False, **members}


def last(**members):
    return line(done=True, **{"done_reason": "stop", **members})


def event(value):
    return ndjson.line_of(json.dumps(value).encode() + b"\n")


def read(*lines):
    reader = OllamaChatProvider().reader()
    return [delta for each in lines for delta in reader(event(each))]


def write(*deltas):
    context = RequestContext(id="req-1", received_at=1754546891.5)
    request = OllamaChatClient().parse(b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}', context)
    events = list(OllamaChatClient().write_stream(deltas, request))
    assert all(each.raw.count(b"\n") == 1 and each.raw.endswith(b"\n") for each in events)
    return [each.json() for each in events]


def said(lines):
    return [{name: value for name, value in each["message"].items() if name != "role" and value} for each in lines]


# Reading.


def test_every_line_is_a_piece_of_the_text_and_the_last_one_ends_it():
    assert read(line({"content": "he"}), line({"content": "y"}), last(prompt_eval_count=3, eval_count=2)) == [
        Start(None, "llama3", {"ollama.chat": HEAD}),
        Opened(0, Text()),
        Appended(0, "he"),
        Appended(0, "y"),
        Closed(0),
        Counted(Usage(3, 2)),
        End("stop"),
    ]


def test_thoughts_come_first_and_end_where_the_text_begins():
    deltas = read(line({"thinking": "hm"}), line({"thinking": "m"}), line({"content": "hi"}), last())
    answer = Answer.collect(deltas)
    assert answer.parts == (Thinking("hmm"), Text("hi"))
    assert deltas.index(Closed(0)) < deltas.index(Opened(1, Text()))


def test_calls_arrive_whole_and_end_the_answer_although_ollama_says_stop():
    deltas = read(line({"tool_calls": [CALL, {"id": "x", **CALL}]}), last())
    assert deltas[1:] == [
        Opened(0, ToolCall(None, "add")),
        Appended(0, '{"a":2}'),
        Closed(0),
        Opened(1, ToolCall("x", "add")),
        Appended(1, '{"a":2}'),
        Closed(1),
        End("tool_calls"),
    ]


def test_calls_on_several_lines_are_several():
    assert len(Answer.collect(read(line({"tool_calls": [CALL]}), line({"tool_calls": [CALL]}), last())).tool_calls) == 2


def test_a_last_line_without_counts_says_nothing_of_usage():
    assert not any(isinstance(delta, Counted) for delta in read(line({"content": "a"}), last()))


def test_an_answer_that_is_nothing_but_its_last_line_is_read():
    assert read(last(done_reason="load")) == [
        Start(None, "llama3", {"ollama.chat": HEAD}),
        End("stop", extra={"ollama.chat": {"done_reason": "load"}}),
    ]


def test_probabilities_are_those_of_the_piece_they_came_with():
    deltas = read(line({"content": "a"}, logprobs=[{"token": "a", "logprob": -1.0}]), last())
    assert Appended(0, "a", logprobs=(TokenLogprob("a", -1.0),)) in deltas


def test_an_image_is_a_part():
    answer = Answer.collect(read(line({"images": ["AAAA"]}), last()))
    assert answer.parts == (Image(Source(None, data="AAAA")),)


def test_what_only_ollama_says_in_between_is_an_aside():
    deltas = read(line({"content": "a"}), line({"content": "b", "mood": "fine"}, progress=0.5), last(remote="x"))
    assert Aside("ollama.chat", {"progress": 0.5}) in deltas
    assert Aside("ollama.chat", {"message": {"mood": "fine"}}) in deltas
    assert deltas[-1] == End("stop", extra={"ollama.chat": {"remote": "x"}})


# Signs.


@pytest.mark.parametrize(
    ("value", "signs"),
    [
        (line({"content": "a"}), Signs()),
        (last(eval_count=2), Signs(Usage(None, 2), finished=True, terminal=True)),
        (last(), Signs(finished=True, terminal=True)),
        ({"error": "model crashed"}, Signs(error=True)),
        ({"error": "model crashed", "done": True}, Signs(error=True)),
    ],
)
def test_a_relay_is_told_of_usage_the_end_and_errors(value, signs):
    assert OllamaChatProvider().signs(event(value), False) == signs


@pytest.mark.parametrize("raw", [b"[]\n", b'"x"\n', b"{\n", b"7\n"])
def test_a_line_that_is_no_object_has_no_signs(raw):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        OllamaChatProvider().signs(ndjson.line_of(raw), False)


def test_the_lines_of_a_stream_are_its_events():
    items = list(OllamaChatProvider().decode([b'{"a":1}\n{"b"', b":2}\n"]))
    assert [item.json() for item in items if item is not PAUSE] == [{"a": 1}, {"b": 2}]


# Writing.


def test_each_piece_is_a_line_and_the_last_one_says_why_it_ended_and_what_it_cost():
    lines = write(*Answer.of("hey", reason="length", usage=Usage(3, 2)).play())
    head = {"model": "m", "created_at": "2025-08-07T06:08:11.500000Z"}
    assert lines == [
        {**head, "message": {"role": "assistant", "content": "hey"}, "done": False},
        {
            **head,
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "length",
            "prompt_eval_count": 3,
            "eval_count": 2,
        },
    ]


def test_usage_that_comes_after_the_end_is_on_the_last_line_all_the_same():
    assert write(Start(), End("stop"), Counted(Usage(1, 2)))[-1]["eval_count"] == 2


def test_thoughts_are_written_as_they_come():
    lines = write(Start(), Opened(0, Thinking()), Appended(0, "h"), Appended(0, "m"), Closed(0), End("stop"))
    assert said(lines) == [{"thinking": "h"}, {"thinking": "m"}, {}]


def test_a_call_waits_for_its_last_argument_because_it_must_be_whole():
    start = [Start(), Opened(0, ToolCall("1", "add")), Appended(0, '{"a":'), Appended(0, "2}")]
    assert said(write(*start, Closed(0), End("tool_calls"))) == [
        {"tool_calls": [{"id": "1", "function": {"index": 0, "name": "add", "arguments": {"a": 2}}}]},
        {},
    ]


def test_parallel_calls_that_were_written_side_by_side_come_one_after_the_other():
    lines = write(
        Opened(0, ToolCall("1", "a")),
        Opened(1, ToolCall(None, "b")),
        Appended(1, '{"y":2}'),
        Appended(0, '{"x":1}'),
        Closed(1),
        Closed(0),
        End("tool_calls"),
    )
    calls = [call for message in said(lines) for call in message.get("tool_calls", [])]
    assert [(call["id"], call["function"]["index"]) for call in calls] == [("1", 0), ("call_req-1_1", 1)]
    assert [call["function"]["arguments"] for call in calls] == [{"x": 1}, {"y": 2}]


def test_a_call_that_nobody_closed_is_written_at_the_end():
    assert "tool_calls" in said(write(Opened(0, ToolCall("1", "a")), End("tool_calls")))[0]


def test_the_signature_of_a_thought_travels_with_the_call_it_led_to():
    signature = Signature("S", "anthropic")
    thinking = [Opened(0, Thinking()), Appended(0, "hmm"), Signed(0, signature), Closed(0)]
    lines = write(*thinking, Opened(1, ToolCall("1", "a")), Closed(1), End("tool_calls"))
    carried = read_id(said(lines)[1]["tool_calls"][0]["id"])
    assert (carried.id, [(each.length, each.thought.signature) for each in carried.thoughts]) == ("1", [(3, signature)])


def test_the_signature_of_a_call_travels_in_its_id():
    signature = Signature("S", "google")
    lines = write(Opened(0, ToolCall("1", "a", signature=signature)), Closed(0), End("tool_calls"))
    assert read_id(said(lines)[0]["tool_calls"][0]["id"]).signature == signature


def test_what_comes_in_one_piece_is_one_line():
    lines = write(*Answer.of(Image(Source("image/png", data="AAAA")), Audio(Source(data="A"), "hi")).play())
    assert said(lines) == [{"images": ["AAAA"]}, {"content": "hi"}, {}]


def test_probabilities_stand_beside_the_message():
    lines = write(Appended(0, "a", logprobs=(TokenLogprob("a", -1.0),)), End("stop"))
    assert lines[0]["logprobs"] == [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]


def test_only_the_first_choice_has_a_place():
    assert said(write(Appended(0, "a"), Appended(0, "b", choice=1), End("stop"), End("stop", 1))) == [
        {"content": "a"},
        {},
    ]


def test_a_keepalive_is_a_line_that_says_nothing():
    keepalive = ndjson.line_of(OllamaChatClient.keepalive)
    assert keepalive.json().keys() == HEAD.keys() | {"message", "done"}
    assert OllamaChatProvider().signs(keepalive, False).ping
    assert [type(delta) for delta in OllamaChatProvider().reader()(keepalive)] == [Start]
