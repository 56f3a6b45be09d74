import json

import pytest

from llmproxy.core.answer import Answer, Appended, Aside, Closed, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Audio, Image, Other, Refusal, Signature, Source, Text, Thinking, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.signs import Signs
from llmproxy.core.sse import PAUSE, Event, decode
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

NAME = "anthropic.messages"
USE = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}


def head(**usage):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "usage": usage,
    }
    return {"type": "message_start", "message": message}


def opened(block, index=0):
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(delta, index=0):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def closed(index=0):
    return {"type": "content_block_stop", "index": index}


def end(reason="end_turn", usage=None, **members):
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, **members},
        "usage": usage or {"output_tokens": 9},
    }


TEXT = {"type": "text", "text": ""}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
STOP = {"type": "message_stop"}


def say(words):
    return {"type": "text_delta", "text": words}


def fragment(text):
    return {"type": "input_json_delta", "partial_json": text}


def read(*values):
    reader = AnthropicMessagesProvider().reader()
    return [delta for value in values for delta in reader(Event.of_json(value, value["type"]))]


def request():
    body = b'{"model": "mine", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
    return AnthropicMessagesClient().parse(body, RequestContext(id="r1"))


def write(*deltas):
    """The events that say these deltas, as JSON."""
    events = list(AnthropicMessagesClient().write_stream(deltas, request()))
    assert all(event.type == event.json()["type"] for event in events)
    return [event.json() for event in events]


def blocks(*deltas):
    """The same without the head and the end of the message."""
    return write(Start(), *deltas)[1:-2]


# Reading.


def test_a_text_is_read_as_it_comes():
    deltas = read(head(input_tokens=3, output_tokens=1), opened(TEXT), piece(say("a")), closed(), end(), STOP)
    assert (deltas[0].id, deltas[0].model) == ("msg_1", "claude-x")
    assert deltas[2:5] == [Opened(0, Text()), Appended(0, "a"), Closed(0)]
    assert deltas[-1] == End("stop")


def test_a_thought_is_read_with_its_signature_at_the_end():
    events = (
        opened({"type": "thinking", "thinking": "", "signature": ""}),
        piece({"type": "thinking_delta", "thinking": "hm"}),
        piece({"type": "signature_delta", "signature": "S"}),
    )
    assert read(*events) == [Opened(0, Thinking()), Appended(0, "hm"), Signed(0, Signature("S", "anthropic"))]


def test_redacted_thinking_comes_whole():
    redacted = {"type": "redacted_thinking", "data": "R"}
    assert read(opened(redacted), closed()) == [Opened(0, Thinking(redacted=Signature("R", "anthropic"))), Closed(0)]


def test_a_call_is_read_in_fragments_of_which_the_first_may_be_empty():
    deltas = read(opened(CALL), piece(fragment("")), piece(fragment('{"a"')), piece(fragment(": 1}")), closed())
    assert Answer.collect(deltas).tool_calls == (ToolCall("toolu_1", "f", '{"a": 1}'),)


def test_a_call_without_fragments_has_no_arguments():
    (call,) = Answer.collect(read(opened(CALL), closed())).tool_calls
    assert (call.arguments, call.input()) == ("", {})


def test_a_call_may_come_whole():
    deltas = read(opened({**CALL, "input": {"a": 1}}), closed())
    assert Answer.collect(deltas).tool_calls[0].input() == {"a": 1}


def test_the_last_usage_replaces_the_first_because_it_is_cumulative():
    deltas = read(head(input_tokens=3, output_tokens=1), end(usage={"input_tokens": 30, "output_tokens": 9}))
    assert [delta.usage.input for delta in deltas if isinstance(delta, Counted)] == [3, 30]
    assert deltas[-2].usage == Usage(30, 9)


def test_figures_that_the_last_usage_leaves_out_stay():
    deltas = read(head(input_tokens=3, cache_read_input_tokens=4, output_tokens=1), end(usage={"output_tokens": 9}))
    assert deltas[-2].usage == Usage(7, 9, cached=4)


def test_a_stop_sequence_is_named():
    assert read(end("stop_sequence", stop_sequence="END"))[-1] == End("stop", stop_sequence="END")


def test_a_message_delta_without_a_reason_is_no_end():
    assert read(end(None)) == [Counted(Usage(output=9))]


@pytest.mark.parametrize("place", range(6))
def test_a_ping_may_come_anywhere(place):
    events = [head(), opened(TEXT), piece(say("a")), closed(), end(), STOP]
    pinged = [*events[:place], {"type": "ping"}, *events[place:]]
    assert [delta for delta in read(*pinged) if not isinstance(delta, Aside)] == read(*events)


def test_spaces_after_the_json_are_padding():
    chunk = b'event: ping\ndata: {"type": "ping"}        \n\n'
    (event,) = (event for event in decode([chunk]) if event is not PAUSE)
    assert AnthropicMessagesProvider().reader()(event) == [Aside(NAME, {"type": "ping"})]
    assert AnthropicMessagesProvider().signs(event, False).ping


def test_a_second_message_start_breaks_nothing():
    deltas = read(head(), head(), opened(TEXT), piece(say("a")), closed(), end())
    assert sum(isinstance(delta, Start) for delta in deltas) == 1
    assert Answer.collect(deltas).text == "a"


def test_blocks_after_a_second_message_start_are_counted_on():
    first = [head(), opened(TEXT), piece(say("a")), closed(), opened(CALL, 1)]
    deltas = read(*first, head(), opened(TEXT), piece(say("b")), closed(), end())
    assert Closed(1) in deltas
    assert [part for part in Answer.collect(deltas).parts if isinstance(part, Text)] == [Text("a"), Text("b")]


def test_what_follows_the_end_is_not_read():
    assert read(STOP, head(), opened(TEXT)) == []


@pytest.mark.parametrize(
    "delta",
    [
        {"type": "citations_delta", "citation": {"cited_text": "x"}},
        {"type": "compaction_delta", "content": "x"},
        {"type": "of_next_week", "thing": 1},
        {"type": "signature_delta", "signature": ""},
    ],
)
def test_a_delta_that_only_this_dialect_has_comes_back_in_its_place(delta):
    events = [opened(TEXT), piece(say("a")), piece(delta), piece(say("b")), closed()]
    assert blocks(*read(*events)) == events


@pytest.mark.parametrize("block", [USE, {"type": "of_next_week", "thing": 1}, {"type": "compaction", "content": None}])
def test_a_block_that_only_this_dialect_has_comes_back_with_what_is_appended_to_it(block):
    events = [opened(block), piece(fragment('{"q"')), piece(fragment(": 1}")), piece(say("odd")), closed()]
    assert blocks(*read(*events)) == events


def test_an_event_of_next_week_comes_back():
    assert blocks(*read({"type": "of_next_week", "thing": 1})) == [{"type": "of_next_week", "thing": 1}]


def test_what_is_said_of_the_end_comes_back_where_it_stood():
    said = {**end(stop_sequence=None, container={"id": "c"}), "context_management": {"applied_edits": []}}
    assert write(Start(), *read(said))[-2] == {**said, "usage": {"input_tokens": 0, "output_tokens": 9}}


# Writing.


def test_a_message_begins_and_ends():
    start, delta, stop = write(Start(), Counted(Usage(3, 4)), End("length"))
    assert start["message"]["content"] == []
    assert (start["message"]["id"], start["message"]["model"]) == ("msg_r1", "mine")
    assert delta["delta"] == {"stop_reason": "max_tokens", "stop_sequence": None}
    assert delta["usage"] == {"input_tokens": 3, "output_tokens": 4}
    assert stop == STOP


def test_usage_that_comes_after_the_end_is_waited_for():
    assert write(Start(), End("stop"), Counted(Usage(3, 4)))[-2]["usage"] == {"input_tokens": 3, "output_tokens": 4}


def test_an_answer_that_says_nothing_is_a_message_all_the_same():
    assert [event["type"] for event in write()] == ["message_start", "message_delta", "message_stop"]


def test_a_text_is_written_as_it_comes():
    assert blocks(Opened(0, Text()), Appended(0, "a"), Appended(0, "é"), Closed(0)) == [
        opened(TEXT),
        piece(say("a")),
        piece(say("é")),
        closed(),
    ]


def test_what_an_opening_says_already_follows_it():
    call = ToolCall("c1", "f", '{"a":1}')
    assert blocks(Opened(0, Text("a")), Closed(0), Opened(1, call), Closed(1)) == [
        opened(TEXT),
        piece(say("a")),
        closed(),
        opened({**CALL, "id": "c1"}, 1),
        piece(fragment('{"a":1}'), 1),
        closed(1),
    ]


def test_a_thought_is_written_with_its_signature():
    thought = [Opened(0, Thinking()), Appended(0, "hm"), Signed(0, Signature("S", "google")), Closed(0)]
    assert blocks(*thought) == [
        opened({"type": "thinking", "thinking": "", "signature": ""}),
        piece({"type": "thinking_delta", "thinking": "hm"}),
        piece({"type": "signature_delta", "signature": "llmproxy.google.S"}),
        closed(),
    ]


def test_redacted_thinking_is_written_whole():
    redacted = Thinking(redacted=Signature("R", "openai"))
    assert blocks(Opened(0, redacted), Closed(0)) == [
        opened({"type": "redacted_thinking", "data": "llmproxy.openai.R"}),
        closed(),
    ]


def test_parallel_calls_are_blocks_one_after_another():
    calls = [Opened(0, ToolCall("a", "f")), Opened(1, ToolCall("b", "g"))]
    pieces = [Appended(1, "{}"), Appended(0, "[]"), Closed(1), Appended(0, "!"), Closed(0)]
    written = blocks(*calls, *pieces)
    assert [(event["type"].removeprefix("content_block_"), event["index"]) for event in written] == [
        ("start", 0), ("delta", 0), ("delta", 0), ("stop", 0), ("start", 1), ("delta", 1), ("stop", 1),
    ]  # fmt: skip


def test_the_signature_of_a_call_is_an_empty_thought_before_it():
    written = blocks(Opened(0, ToolCall("c1", "f", "{}", Signature("S", "google"))), Closed(0))
    assert [event["index"] for event in written] == [0, 0, 1, 1, 1]
    assert written[0]["content_block"] == {"type": "thinking", "thinking": "", "signature": "llmproxy.google.S"}
    assert written[2]["content_block"]["type"] == "tool_use"


def test_the_signature_of_a_text_that_has_begun_is_an_empty_thought_after_it():
    written = blocks(Opened(0, Text()), Appended(0, "a"), Signed(0, Signature("S", "google")), Closed(0))
    assert written[3] == opened({"type": "thinking", "thinking": "", "signature": "llmproxy.google.S"}, 1)
    assert written[4] == closed(1)


def test_a_call_without_an_id_has_the_same_one_as_in_a_whole_answer():
    answer = Answer.of("hi", ToolCall(None, "f", "{}"))
    whole = AnthropicMessagesClient().write_answer(answer, request())
    assert blocks(*answer.play())[3]["content_block"]["id"] == whole["content"][1]["id"]


def test_a_part_that_another_dialect_has_alone_takes_no_place():
    written = blocks(Opened(0, Other("openai.chat", {})), Appended(0, "x"), Closed(0), Opened(1, Text()), Closed(1))
    assert written == [opened(TEXT), closed()]


def test_a_refusal_and_what_was_spoken_are_texts():
    written = blocks(Opened(0, Refusal()), Appended(0, "No."), Closed(0), Opened(1, Audio(Source(), "hi")), Closed(1))
    assert [event["delta"] for event in written if "delta" in event] == [say("No."), say("hi")]


def test_a_picture_is_a_block_that_comes_whole():
    written = blocks(Opened(0, Image(Source("image/png", data="AAAA"))), Closed(0))
    assert [event["type"] for event in written] == ["content_block_start", "content_block_stop"]


def test_a_block_that_nobody_closed_is_closed_before_the_end():
    assert blocks(Opened(0, Text()), Appended(0, "a"), End("length"))[-1] == closed()


def test_asides_of_other_dialects_are_not_written():
    assert blocks(Aside("openai.chat", {"choices": []})) == []


# What a relay needs to know.


def signs(value):
    return AnthropicMessagesProvider().signs(Event.of_json(value, value.get("type")), False)


def test_a_relay_hears_usage_the_end_and_errors():
    assert signs(head(input_tokens=3, output_tokens=1)) == Signs(Usage(3, 1))
    assert signs(end()) == Signs(Usage(output=9), finished=True)
    assert signs(STOP) == Signs(terminal=True)
    assert signs({"type": "error", "error": {"type": "overloaded_error"}}) == Signs(error=True)
    assert signs(piece(say("a"))) == Signs()


@pytest.mark.parametrize("data", ["7", "[]", "{}", "not json", '{"type":"message_start"}', '{"type":"message_delta"}'])
def test_what_is_no_event_of_this_dialect_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        AnthropicMessagesProvider().signs(Event.of(data), False)


def test_a_stream_that_finished_is_owed_its_last_event():
    (event,) = AnthropicMessagesProvider().terminal_events()
    assert (event.type, event.json()) == ("message_stop", STOP)


def test_silence_is_filled_with_pings():
    (event,) = (event for event in decode([AnthropicMessagesClient.keepalive]) if event is not PAUSE)
    assert (event.type, json.loads(event.data)) == ("ping", {"type": "ping"})
