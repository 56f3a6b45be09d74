import json

import pytest

from llmproxy.core.answer import Answer, Choice, Usage
from llmproxy.core.chat import Audio, Image, Refusal, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.sse import Event
from llmproxy.dialects.ollama_chat import OllamaChatClient, OllamaChatProvider
from llmproxy.dialects.ollama_chat.answer import read_answer, write_answer
from llmproxy.dialects.ollama_chat.chat import read_request

DURATIONS = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 2, "eval_duration": 2}


def request():
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    return OllamaChatClient().parse(json.dumps(body).encode(), RequestContext("req-1", received_at=1754546891.5))


def body(message=None, **members):
    said = {"role": "assistant", "content": "hello", **(message or {})}
    head = {"model": "llama3", "created_at": "2024-05-24T21:01:59.481632Z"}
    return {**head, "message": said, "done": True, "done_reason": "stop", **members}


def write(*parts, **members):
    return write_answer(Answer.of(*parts, **members), request())


CALLS = [{"function": {"name": "add", "arguments": {"a": 2}}}, {"function": {"name": "now", "arguments": {}}}]


# Reading.


def test_calls_end_with_stop_and_are_what_ended_the_answer():
    answer = read_answer(body({"tool_calls": CALLS}))
    assert answer.reason == "tool_calls"
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        (None, "add", '{"a":2}'),
        (None, "now", "{}"),
    ]


@pytest.mark.parametrize(
    ("said", "reason", "own"),
    [("stop", "stop", None), ("length", "length", None), (None, "stop", None), ("load", "stop", "load")],
)
def test_the_reason_is_read_and_ollamas_own_word_is_kept(said, reason, own):
    choice = read_answer(body(done_reason=said)).choices[0]
    assert (choice.reason, choice.extra.get("ollama.chat", {}).get("done_reason")) == (reason, own)


def test_an_answer_cut_off_within_its_calls_has_been_cut_off():
    assert read_answer(body({"tool_calls": CALLS}, done_reason="length")).reason == "length"


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ({"prompt_eval_count": 17, "eval_count": 63}, Usage(17, 63)),
        ({"eval_count": 79}, Usage(None, 79)),
        ({}, Usage()),
        ({"prompt_eval_count": -1, "eval_count": "many"}, Usage()),
        ({"eval_count": 1, **DURATIONS}, Usage(None, 1, extra={"ollama.chat": DURATIONS})),
    ],
)
def test_counts_may_be_absent_as_the_prompts_is_when_it_was_cached(members, usage):
    assert read_answer(body(**members)).usage == usage


def test_probabilities_go_to_the_text():
    logprobs = [{"token": "hello", "logprob": -0.5, "top_logprobs": [{"token": "hi", "logprob": -1.0}]}]
    (text,) = read_answer(body(logprobs=logprobs)).parts
    assert text == Text("hello", logprobs=(TokenLogprob("hello", -0.5, top=(TokenLogprob("hi", -1.0),)),))


@pytest.mark.parametrize("value", [{}, {"message": None}, {"message": "hi"}])
def test_what_is_no_answer_is_not_read_as_one(value):
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        read_answer(value)


# Writing.


def test_an_answer_bears_the_model_as_it_was_asked_for_and_the_date_of_the_request():
    written = write_answer(Answer.of("hello", usage=Usage(3, 2)), request().with_model("the-targets-name"))
    assert written == {
        "model": "m",
        "created_at": "2025-08-07T06:08:11.500000Z",
        "message": {"role": "assistant", "content": "hello"},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 2,
    }


def test_a_count_that_nobody_gave_is_not_made_up():
    assert not write("hello").keys() & {"prompt_eval_count", "eval_count"}


@pytest.mark.parametrize(
    ("reason", "written"),
    [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("content_filter", "stop"), ("error", "stop")],
)
def test_there_are_two_words_for_the_end(reason, written):
    assert write("hi", reason=reason)["done_reason"] == written


def test_calls_are_written_whole_with_an_object_and_an_id_of_our_own():
    calls = write(ToolCall("call_9", "add", '{"a": 2}'), ToolCall(None, "now"), reason="tool_calls")["message"][
        "tool_calls"
    ]
    assert calls == [
        {"id": "call_9", "function": {"index": 0, "name": "add", "arguments": {"a": 2}}},
        {"id": "call_req-1_1", "function": {"index": 1, "name": "now", "arguments": {}}},
    ]


def test_arguments_that_are_no_json_are_shown_as_they_are():
    (call,) = write(ToolCall("1", "add", '{"a":'))["message"]["tool_calls"]
    assert call["function"]["arguments"] == {"INVALID_JSON": '{"a":'}


def test_thoughts_and_a_refusal_are_text():
    message = write(Thinking("hmm"), Refusal("No."))["message"]
    assert message == {"role": "assistant", "content": "No.", "thinking": "hmm"}


def test_an_image_goes_where_the_documents_say_and_one_elsewhere_is_named():
    message = write(Image(Source("image/png", data="AAAA")), Image(Source(url="https://x/a.png")))["message"]
    assert (message["images"], message["content"]) == (["AAAA"], "https://x/a.png")


def test_of_a_spoken_answer_the_words_are_written():
    assert write(Audio(Source("audio/wav", data="AAAA"), "hello"))["message"]["content"] == "hello"


def test_an_answer_without_choices_is_an_empty_one():
    assert write_answer(Answer(()), request())["message"] == {"role": "assistant", "content": ""}


def test_the_next_turn_brings_every_signature_back():
    parts = (
        Thinking("First.", Signature("A+/=", "anthropic")),
        Text("Let me look."),
        ToolCall("1", "add", "{}", Signature("G", "google")),
        Thinking(redacted=Signature("R", "anthropic")),
        ToolCall("2", "now", "{}"),
    )
    message = write_answer(Answer((Choice(parts, "tool_calls"),)), request())["message"]
    chat = read_request(
        {"model": "m", "messages": [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"]}]}
    )
    assert chat.messages[0].parts == parts
    assert chat.messages[1].parts[0].call_id == "1"


def test_durations_and_whatever_else_was_said_come_out_again():
    said = body({"mood": "fine"}, eval_count=2, remote_model="x", **DURATIONS)
    assert write_answer(read_answer(said), request()) == said


def test_a_whole_answer_is_its_own_end_and_shows_its_usage():
    signs = OllamaChatProvider().signs(Event.whole(json.dumps(body(eval_count=2)).encode()), True)
    assert (signs.usage, signs.finished, signs.terminal, signs.error) == (Usage(None, 2), True, True, False)
