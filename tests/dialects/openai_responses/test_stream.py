import pytest

from dialects.openai_responses.asking import CLIENT, ask
from llmproxy.core.answer import Answer, Appended, Aside, Closed, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Audio, Image, Other, Refusal, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_responses import OpenAIResponsesProvider

TOKEN = TokenLogprob("a", -0.1, (97,))
HOSTED = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
BEGINNING = ["created", "in_progress"]


def events(*deltas):
    return [event.json() for event in CLIENT.write_stream(deltas, ask(stream=True))]


def played(*parts, reason="stop"):
    return events(*Answer.of(*parts, reason=reason, usage=Usage(5, 7)).play())


def kinds(written):
    return [event["type"].removeprefix("response.") for event in written]


def reading(*said):
    """The steps that these events stand for."""
    read = OpenAIResponsesProvider().reader()
    return [delta for each in said for delta in read(Event.of_json(each, each["type"]))]


def back(written):
    return Answer.collect(reading(*written))


def item(kind, index=0, **members):
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": members}


def of(kind, index=0, **members):
    return {"type": f"response.{kind}", "output_index": index, **members}


def ending(*output, kind="completed", **members):
    status = {"status": kind, "output": list(output), **members}
    return {"type": f"response.{kind}", "response": {"id": "resp_1", **status}}


def message(*content, **members):
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(content), **members}


def text(said):
    return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}


# What is written.


def test_every_event_says_its_type_twice_and_its_number_once_and_there_is_no_done():
    written = list(CLIENT.write_stream(Answer.of("hello").play(), ask(stream=True)))
    assert [event.type for event in written] == [event.json()["type"] for event in written]
    assert [event.json()["sequence_number"] for event in written] == list(range(len(written)))
    assert written[-1].type == "response.completed"


def test_a_text():
    written = played("hello")
    frame = ["output_item.added", "content_part.added", "output_text.delta"]
    whole = ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert kinds(written) == [*BEGINNING, *frame, *whole]
    assert written[4] == {
        "type": "response.output_text.delta",
        "item_id": "msg_req_0",
        "output_index": 0,
        "content_index": 0,
        "sequence_number": 4,
        "delta": "hello",
        "logprobs": [],
    }


def test_the_last_event_says_everything_again():
    written = played(Thinking("hm"), "hello", ToolCall("call_1", "f", "{}"))
    done = [event["item"] for event in written if event["type"] == "response.output_item.done"]
    last = written[-1]["response"]
    assert last["output"] == done
    assert (last["id"], last["usage"]["total_tokens"]) == (written[0]["response"]["id"], 12)


def test_a_stream_says_the_same_as_a_whole_answer():
    answer = Answer.of(Thinking("hm", Signature("s", "anthropic")), "a", Refusal("no"), ToolCall("c", "f", "{}"))
    assert events(*answer.play())[-1]["response"]["output"] == CLIENT.write_answer(answer, ask())["output"]


def test_a_call():
    written = played(ToolCall("call_1", "f", '{"a":1}'))
    arguments = ["function_call_arguments.delta", "function_call_arguments.done"]
    assert kinds(written) == [*BEGINNING, "output_item.added", *arguments, "output_item.done", "completed"]
    assert written[2]["item"].items() >= {"call_id": "call_1", "arguments": "", "status": "in_progress"}.items()
    assert written[5]["item"].items() >= {"arguments": '{"a":1}', "status": "completed"}.items()


def test_a_call_without_arguments_has_an_empty_object():
    assert [event["arguments"] for event in played(ToolCall("c", "f")) if "arguments" in event] == ["{}"]


def test_parallel_calls_are_written_side_by_side():
    calls = [Opened(0, ToolCall("a", "f")), Opened(1, ToolCall("b", "g"))]
    pieces = [Appended(0, "{"), Appended(1, "["), Appended(0, "}"), Appended(1, "]")]
    written = events(Start(), *calls, *pieces, Closed(0), Closed(1), End("tool_calls"))
    deltas = [(event["output_index"], event["delta"]) for event in written if "delta" in event]
    assert deltas == [(0, "{"), (1, "["), (0, "}"), (1, "]")]
    assert [(item["call_id"], item["arguments"]) for item in written[-1]["response"]["output"]] == [
        ("a", "{}"),
        ("b", "[]"),
    ]


def test_a_thought_with_its_signature():
    written = played(Thinking("hm", Signature("sig", "anthropic")))
    part = ["reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done"]
    assert kinds(written)[2:-1] == ["output_item.added", *part, "reasoning_summary_part.done", "output_item.done"]
    assert "encrypted_content" not in written[2]["item"]
    assert written[-2]["item"]["encrypted_content"] == "llmproxy.anthropic.sig"


def test_thoughts_in_a_row_are_parts_of_one_summary_and_counted():
    written = played(Thinking("a"), Thinking("b", Signature("sig", "openai")), Thinking("c"))
    places = [(event["output_index"], event["summary_index"]) for event in written if "delta" in event]
    assert places == [(0, 0), (0, 1), (1, 0)]


def test_a_thought_without_words_has_no_part():
    assert kinds(played(Thinking(redacted=Signature("x", "openai"))))[2:-1] == ["output_item.added", "output_item.done"]


def test_the_signature_of_a_call_comes_before_it():
    call = ToolCall("call_1", "f", signature=Signature("sig", "google"))
    output = events(Start(), Opened(0, call), Closed(0), End("tool_calls"))[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "function_call"]
    assert output[0]["encrypted_content"] == "llmproxy.google.sig"


def test_a_signature_that_comes_after_its_text_stands_behind_it():
    output = played(Text("a", signature=Signature("sig", "google")))[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "reasoning"]


def test_a_refusal():
    written = played("a", Refusal("no"))
    (delta,) = [event for event in written if event["type"] == "response.refusal.delta"]
    assert (delta["output_index"], delta["content_index"], delta["delta"]) == (0, 1, "no")


def test_an_item_ends_before_the_next_begins():
    assert [kind for kind in kinds(played("a", ToolCall("c", "f"))) if "item" in kind] == [
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "output_item.done",
    ]


def test_a_picture_comes_in_one_piece():
    written = played(Image(Source("image/png", "AAAA")))
    assert kinds(written)[2:-1] == ["output_item.added", "output_item.done"]
    assert (written[2]["item"]["status"], written[3]["item"]["result"]) == ("in_progress", "AAAA")


def test_of_sound_there_is_what_was_said():
    assert back(played(Audio(Source("audio/wav", "AAAA"), "hello"))).text == "hello"


def test_logprobs_come_with_their_text():
    written = events(Start(), Opened(0, Text()), Appended(0, "a", logprobs=(TOKEN,)), Closed(0), End("stop"))
    said = [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]
    assert [event["logprobs"] for event in written if "logprobs" in event] == [said, said]
    assert back(written).parts[0].logprobs == (TOKEN,)


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_stream_that_was_cut_short_ends_incomplete(reason, why):
    *_, done, last = played("a", reason=reason)
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.incomplete", {"reason": why})
    assert (done["item"]["status"], last["response"]["status"]) == ("incomplete", "incomplete")


def test_usage_that_comes_after_the_end_is_in_the_last_event():
    written = events(Start(), Opened(0, Text()), Closed(0), End("stop"), Counted(Usage(5, 7)))
    assert written[-1]["response"]["usage"]["total_tokens"] == 12


def test_a_provider_that_says_neither_beginning_nor_end_is_understood():
    written = events(Appended(0, "a"), Appended(0, "b"))
    assert kinds(written)[:2] == BEGINNING
    assert (kinds(written)[-1], back(written).text) == ("completed", "ab")


def test_what_only_another_dialect_knows_is_left_out():
    own = Other("anthropic.messages", {"type": "server_tool_use"})
    written = events(Start(), Opened(0, own), Appended(0, "{}"), Closed(0), Aside("openai.chat", {}), End("stop"))
    assert kinds(written) == [*BEGINNING, "completed"]


# What is read.


def test_a_stream_is_read_as_the_whole_answer_that_it_ends_with():
    written = played(Thinking("hm", Signature("s", "anthropic")), "a", ToolCall("c", "f", "{}"), reason="tool_calls")
    whole = OpenAIResponsesProvider().read_answer(written[-1]["response"])
    assert (back(written).parts, back(written).usage, back(written).reason) == (whole.parts, whole.usage, whole.reason)


def test_a_text_is_handed_on_as_it_comes():
    begun = [item("added", **message()), of("content_part.added", content_index=0, part=text(""))]
    assert reading(*begun, of("output_text.delta", content_index=0, delta="he"))[1:] == [Appended(0, "he")]


@pytest.mark.parametrize(
    ("member", "kind", "part"),
    [
        ("text", "output_text.done", text("")),
        ("refusal", "refusal.done", {"type": "refusal", "refusal": ""}),
    ],
)
def test_a_text_that_did_not_come_in_pieces_is_read_at_its_end(member, kind, part):
    begun = [item("added", **message()), of("content_part.added", part=part)]
    assert reading(*begun, of(kind, **{member: "hello"}))[-1] == Appended(0, "hello")


def test_a_text_that_came_in_pieces_is_not_read_twice():
    begun = [item("added", **message()), of("content_part.added", part=text("")), of("output_text.delta", delta="he")]
    assert reading(*begun, of("output_text.done", text="he"), item("done", **message(text("he"))))[2:] == [Closed(0)]


def test_a_text_that_nobody_announced_is_a_text():
    assert reading(of("output_text.delta", delta="he")) == [Opened(0, Text()), Appended(0, "he")]


@pytest.mark.parametrize("last", [item("done", **message(text("he"))), ending(message(text("he")))])
def test_an_item_that_came_in_one_piece_is_read_where_it_comes(last):
    assert Answer.collect(reading(last)).text == "he"


def test_the_encrypted_reasoning_that_counts_is_that_of_the_items_end():
    members = {"type": "reasoning", "id": "rs_1", "summary": []}
    deltas = reading(
        item("added", **members, encrypted_content="early"), item("done", **members, encrypted_content="late")
    )
    assert Answer.collect(deltas).parts[0].redacted == Signature("late", "openai")


def test_the_signature_of_a_summary_comes_before_its_end():
    members = {"type": "reasoning", "id": "rs_1", "summary": []}
    part = of("reasoning_summary_part.added", summary_index=0, part={"type": "summary_text", "text": ""})
    said = of("reasoning_summary_text.delta", summary_index=0, delta="hm")
    deltas = reading(item("added", **members), part, said, item("done", **members, encrypted_content="x"))
    assert deltas[1:] == [Appended(0, "hm"), Signed(0, Signature("x", "openai")), Closed(0)]


def test_reasoning_in_the_open_is_told_from_its_summary():
    members = {"type": "reasoning", "id": "rs_1", "summary": []}
    part = {"type": "reasoning_text", "text": ""}
    begun = [item("added", **members, content=[]), of("reasoning_part.added", content_index=0, part=part)]
    written = events(*reading(*begun, of("reasoning_text.delta", delta="hm"), ending()))
    assert kinds(written)[3:5] == ["content_part.added", "reasoning_text.delta"]
    assert written[-1]["response"]["output"] == [{**members, "content": [{**part, "text": "hm"}]}]


def test_parts_of_a_summary_are_thoughts_of_one_item():
    first, second = back(played(Thinking("a"), Thinking("b", Signature("x", "openai")))).parts
    assert (first.text, first.signature, second.text, second.signature) == ("a", None, "b", Signature("x", "openai"))


def test_a_hosted_item_is_known_at_its_end_and_its_progress_is_an_aside():
    added, busy = {**HOSTED, "status": "in_progress"}, of("web_search_call.searching", item_id="ws_1")
    deltas = reading(item("added", **added), {**busy, "sequence_number": 3}, item("done", **HOSTED))
    other = Other("openai.responses", HOSTED)
    assert deltas == [
        Aside("openai.responses", item("added", **added)),
        Aside("openai.responses", busy),
        Opened(0, other),
        Closed(0),
    ]


def test_an_item_that_was_never_ended_is_read_at_the_end_of_all():
    deltas = reading(item("added", **{**HOSTED, "status": "in_progress"}), ending(HOSTED))
    assert Answer.collect(deltas).parts == (Other("openai.responses", HOSTED),)


def test_what_follows_the_end_of_a_response_is_not_read():
    assert reading(ending(), {"type": "response.created", "response": {}}, ending())[2:] == []


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (ending(), "stop"),
        (ending({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}), "tool_calls"),
        (ending(kind="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (ending(kind="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
        (ending(kind="incomplete", incomplete_details={"reason": "steered"}), "length"),
    ],
)
def test_reasons_are_read(last, reason):
    assert Answer.collect(reading(last)).reason == reason


def test_the_status_of_an_item_in_a_stream_is_the_one_it_ends_with():
    begun = item("added", **message(status="in_progress"))
    deltas = reading(begun, of("content_part.added", part=text("")), ending(message(text(""), status="completed")))
    assert CLIENT.write_answer(Answer.collect(deltas), ask())["output"][0]["status"] == "completed"


def test_annotations_reach_the_end_of_their_text():
    citation = {"type": "url_citation", "url": "https://x.example"}
    added = of("output_text.annotation.added", item_id="msg_1", content_index=0, annotation=citation)
    begun = [item("added", **message()), of("content_part.added", content_index=0, part=text(""))]
    written = events(*reading({"type": "response.created", "response": {"id": "r"}}, *begun, added, ending()))
    assert written[-1]["response"]["output"][0]["content"][0]["annotations"] == [citation]
    assert kinds(written)[4] == "output_text.annotation.added"


def test_an_event_of_next_week_passes():
    written = events(*reading({"type": "of.next.week", "sequence_number": 40, "a": 1}))
    assert written[2] == {"type": "of.next.week", "sequence_number": 2, "a": 1}
