import pytest

from llmproxy.core.answer import Answer, Appended, Aside, Closed, Counted, End, Opened, Start, Usage
from llmproxy.core.chat import Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.sse import Event
from llmproxy.dialects.cohere_chat import CohereChatProvider

START = {"id": "a1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
USAGE = {"tokens": {"input_tokens": 5, "output_tokens": 7}, "billed_units": {"input_tokens": 1}}


def of(kind, index=None, **message):
    members = {} if index is None else {"index": index}
    return {"type": kind, **members, **({"delta": {"message": message}} if message else {})}


def call_start(index, name="now", arguments=""):
    call = {"id": f"c{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
    return of("tool-call-start", index, tool_calls=call)


def call_delta(index, arguments):
    return of("tool-call-delta", index, tool_calls={"function": {"arguments": arguments}})


def end(reason="COMPLETE", **members):
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USAGE, **members}}


def event_of(value):
    return Event.of("[DONE]") if value == "[DONE]" else Event.of_json(value, value["type"])


def read(*values):
    reader = CohereChatProvider().reader()
    return [delta for value in values for delta in reader(event_of(value))]


def signs(value):
    return CohereChatProvider().signs(event_of(value), False)


def test_a_text_comes_piece_by_piece():
    deltas = read(
        START,
        of("content-start", 0, content={"type": "text", "text": ""}),
        of("content-delta", 0, content={"text": "Hel"}),
        of("content-delta", 0, content={"text": "lo"}),
        of("content-end", 0),
        end(),
        "[DONE]",
    )
    assert deltas[1:4] == [Opened(0, Text()), Appended(0, "Hel"), Appended(0, "lo")]
    assert deltas[4] == Closed(0)
    assert deltas[0] == Start("a1", extra={"cohere.chat": {"id": "a1"}})
    assert deltas[-1] == End("stop")


def test_thoughts_come_before_the_text():
    answer = Answer.collect(
        read(
            of("content-start", 0, content={"type": "thinking", "thinking": ""}),
            of("content-delta", 0, content={"thinking": "hm"}),
            of("content-end", 0),
            of("content-start", 1, content={"type": "text", "text": "y"}),
            of("content-delta", 1, content={"text": "es"}),
            of("content-end", 1),
        )
    )
    assert answer.parts == (Thinking("hm"), Text("yes"))


def test_the_plan_is_a_thought_that_ends_where_a_call_begins():
    deltas = read(of("tool-plan-delta", tool_plan="I will"), of("tool-plan-delta", tool_plan=" look"), call_start(0))
    assert deltas == [
        Opened(0, Thinking()),
        Appended(0, "I will"),
        Appended(0, " look"),
        Closed(0),
        Opened(1, ToolCall("c0", "now")),
    ]


def test_parallel_calls_keep_their_places_although_calls_are_counted_apart_from_content():
    deltas = read(
        of("content-delta", 0, content={"text": "so"}),
        call_start(0, "a"),
        call_delta(0, '{"x":'),
        call_delta(0, "1}"),
        of("tool-call-end", 0),
        call_start(1, "b"),
        call_delta(1, '{"y":2}'),
        of("tool-call-end", 1),
        end("TOOL_CALL"),
    )
    answer = Answer.collect(deltas)
    assert answer.parts == (Text("so"), ToolCall("c0", "a", '{"x":1}'), ToolCall("c1", "b", '{"y":2}'))
    assert answer.reason == "tool_calls"


def test_a_call_without_arguments_has_no_delta_and_means_an_empty_object():
    deltas = read(call_start(0), of("tool-call-end", 0))
    assert deltas == [Opened(0, ToolCall("c0", "now")), Appended(0, "{}"), Closed(0)]


def test_arguments_may_come_with_the_start_of_a_call():
    answer = Answer.collect(read(call_start(0, arguments='{"x":1}'), of("tool-call-end", 0)))
    assert answer.tool_calls[0].arguments == '{"x":1}'


def test_usage_comes_with_the_end():
    deltas = read(end("MAX_TOKENS"))
    kept = {"cohere.chat": {"billed_units": {"input_tokens": 1}}}
    assert deltas == [Counted(Usage(5, 7, extra=kept)), End("length")]


def test_what_is_still_open_at_the_end_is_closed():
    assert read(of("content-delta", 0, content={"text": "so"}), end())[2] == Closed(0)


@pytest.mark.parametrize(
    "value",
    [
        of("citation-start", 0, citations={"start": 0, "end": 2, "text": "so"}),
        of("citation-end", 0),
        of("content-delta", 0, content={"table": []}),
        of("debug", prompt="x"),
    ],
)
def test_citations_and_what_is_new_stand_aside(value):
    assert read(value) == [Aside("cohere.chat", value)]


def test_probabilities_come_with_their_piece_of_text():
    logprobs = {"text": "so", "token_ids": [7], "logprobs": [-0.5]}
    deltas = read({**of("content-delta", 0, content={"text": "so"}), "logprobs": logprobs})
    assert deltas[1] == Appended(0, "so", logprobs=(TokenLogprob("so", -0.5, token_id=7),))


def test_an_empty_piece_opens_nothing():
    assert read(of("content-start", 0, content={"type": "text", "text": ""}), of("content-end", 0)) == []


def test_a_stream_is_finished_at_its_end_and_may_say_done_besides():
    found = signs(end())
    assert (found.usage.input, found.finished, found.terminal) == (5, True, False)
    assert signs("[DONE]").terminal


def test_an_end_that_names_an_error_is_one():
    assert signs(end("ERROR", error="the model broke")).error
    assert not signs(end("ERROR")).error


def test_an_event_without_a_type_is_an_error():
    assert CohereChatProvider().signs(Event.of_json({"id": "x", "message": "too many requests"}), False).error


@pytest.mark.parametrize("data", ["null", "[]", "{}", '{"type": 7}', '{"type": "message-end"}', "<html>"])
def test_an_event_of_another_kind_has_no_signs(data):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        CohereChatProvider().signs(Event.of(data), False)


def test_a_delta_holds_an_object_where_a_whole_answer_has_a_list():
    call = call_start(0)["delta"]["message"]["tool_calls"]
    message = {"role": "assistant", "content": [{"type": "text", "text": "a"}], "tool_calls": [call]}
    whole = CohereChatProvider().read_answer({"id": "a1", "finish_reason": "TOOL_CALL", "message": message})
    text = of("content-delta", 0, content={"text": "a"})
    streamed = Answer.collect(read(START, text, call_start(0), of("tool-call-end", 0), end("TOOL_CALL")))
    assert streamed.parts == whole.parts
