import pytest

from llmproxy.core.answer import Usage
from llmproxy.core.chat import Other, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.cohere_chat import CohereChatProvider

CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"a": 1}'}}
USAGE = {
    "billed_units": {"input_tokens": 44, "output_tokens": 28},
    "tokens": {"input_tokens": 1476, "output_tokens": 58, "reasoning_tokens": 20},
    "cached_tokens": 1376,
}


def read(reason="COMPLETE", *, body=None, **message):
    value = {"id": "a1", "message": {"role": "assistant", **message}, "finish_reason": reason, **(body or {})}
    return CohereChatProvider().read_answer(value)


def signs(body, *, whole=True):
    return CohereChatProvider().signs(Event.whole(dumps(body).encode()), whole)


def test_thoughts_and_texts_are_parts():
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}]
    assert read(content=content).parts == (Thinking("hm"), Text("yes"))


def test_the_plan_before_a_call_is_a_thought():
    answer = read("TOOL_CALL", tool_plan="I will look", tool_calls=[CALL])
    assert answer.parts == (Thinking("I will look"), ToolCall("c1", "now", '{"a": 1}'))
    assert answer.reason == "tool_calls"


def test_a_call_without_arguments_has_an_empty_object():
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": ""}}
    assert read(tool_calls=[call]).parts == (ToolCall("c1", "now", "{}"),)


def test_an_empty_text_is_no_part_and_an_unknown_one_is_kept():
    content = [{"type": "text", "text": ""}, {"type": "table", "rows": []}]
    assert read(content=content).parts == (Other("cohere.chat", content[1]),)


def test_citations_are_kept():
    citations = [{"start": 0, "end": 3, "text": "yes", "sources": []}]
    answer = read(content=[{"type": "text", "text": "yes"}], citations=citations)
    assert answer.choices[0].extra == {"cohere.chat": {"message": {"citations": citations}}}


def test_the_id_is_known_and_kept():
    assert (read().id, read().extra) == ("a1", {"cohere.chat": {"id": "a1"}})


@pytest.mark.parametrize(
    ("said", "reason", "kept"),
    [
        ("COMPLETE", "stop", {}),
        ("STOP_SEQUENCE", "stop", {"cohere.chat": {"finish_reason": "STOP_SEQUENCE"}}),
        ("MAX_TOKENS", "length", {}),
        ("TOOL_CALL", "tool_calls", {}),
        ("ERROR", "error", {}),
        ("TIMEOUT", "error", {"cohere.chat": {"finish_reason": "TIMEOUT"}}),
        ("NEW_WORD", "stop", {"cohere.chat": {"finish_reason": "NEW_WORD"}}),
    ],
)
def test_why_it_ended_has_words_of_its_own(said, reason, kept):
    choice = read(said).choices[0]
    assert (choice.reason, choice.extra) == (reason, kept)


def test_usage_is_what_the_model_saw_and_not_what_is_billed():
    usage = read(body={"usage": USAGE}).usage
    assert (usage.input, usage.output, usage.cached, usage.reasoning) == (1476, 58, 1376, 20)
    assert usage.extra == {"cohere.chat": {"billed_units": USAGE["billed_units"]}}


@pytest.mark.parametrize("said", [None, {}, {"tokens": None}, {"billed_units": {"input_tokens": 44}}, "7"])
def test_usage_that_is_not_there_is_not_made_up(said):
    assert read(body={"usage": said}).usage == Usage()


def test_probabilities_of_a_piece_of_several_tokens_are_multiplied():
    logprobs = [
        {"text": "Hel", "token_ids": [7], "logprobs": [-0.5]},
        {"text": "lo", "token_ids": [8, 9], "logprobs": [-0.25, -0.5]},
        {"text": "!", "token_ids": [10]},
    ]
    answer = read(content=[{"type": "text", "text": "Hello!"}], body={"logprobs": logprobs})
    assert answer.parts[0].logprobs == (TokenLogprob("Hel", -0.5, token_id=7), TokenLogprob("lo", -0.75))


def test_the_signs_of_a_whole_answer():
    found = signs({"message": {"role": "assistant"}, "usage": USAGE})
    assert (found.usage.input, found.finished, found.terminal, found.error) == (1476, True, True, False)


def test_an_error_in_the_place_of_an_answer_is_one():
    assert signs({"id": "x", "message": "out of order"}).error


@pytest.mark.parametrize("body", [None, [], {}, {"message": None}, {"message": []}])
def test_an_answer_of_another_kind_has_no_signs(body):
    with pytest.raises(ValueError, match=r"not an object|neither an answer"):
        signs(body)
