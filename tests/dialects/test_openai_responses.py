import json

import pytest

from llmproxy.core.answer import Answer, Text, Usage
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ParseError, UnsupportedFeature
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_responses import OpenAIResponsesClient, OpenAIResponsesProvider

SAID = Answer((Text("hel"), Text("lo")), "stop", Usage(3, 2, 1, 1))
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
CALL = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "ok"}


def ask(given="hi", **members):
    body = {"model": "m", "input": given, **members}
    return OpenAIResponsesClient().parse(json.dumps(body).encode(), RequestContext())


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": {"role": "user"}}, "input"),
        ({"input": ["hi"]}, "input.0"),
        ({"input": [user("a"), user(7)]}, "input.1.content"),
        ({"instructions": 7}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        OpenAIResponsesClient().parse(json.dumps({"model": "m", "input": "hi", **members}).encode(), RequestContext())
    assert (caught.value.param, caught.value.code) == (path, "invalid_value")


def test_a_stored_prompt_needs_no_input():
    body = {"model": "m", "prompt": {"id": "p"}}
    request = OpenAIResponsesClient().parse(json.dumps(body).encode(), RequestContext())
    assert (request.to_dict(), request.messages, request.last_user_text()) == (body, [], "")


def test_texts_are_those_of_instructions_and_messages():
    request = ask([user("a"), CALL, user([{"type": "input_text", "text": "b"}, IMAGE])], instructions="be kind")
    assert list(request.texts()) == ["be kind", "a", "b"]


def test_what_a_tool_has_answered_is_text_too():
    parts = {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "no"}, IMAGE]}
    request = ask([OUTPUT, parts])
    assert list(request.texts()) == ["ok", "no"]
    assert list(request.map_texts(str.upper).texts()) == ["OK", "NO"]


@pytest.mark.parametrize(("given", "text"), [("a", "a"), ([user("a"), CALL], "a"), ([CALL], "")])
def test_the_last_user_text_is_found(given, text):
    assert ask(given).last_user_text() == text


def test_every_text_is_mapped_and_items_without_stay():
    request = ask([user("a"), CALL, OUTPUT, user([IMAGE])], instructions="b").map_texts(str.upper)
    assert request.to_dict()["input"] == [user("A"), CALL, {**OUTPUT, "output": "OK"}, user([IMAGE])]
    assert request.to_dict()["instructions"] == "B"


@pytest.mark.parametrize(
    ("given", "edited"),
    [
        ("a", "new"),
        ([user("a"), user("b"), CALL], [user("a"), user("new"), CALL]),
        ([user([IMAGE, {"type": "input_text", "text": "a"}])], [user([{"type": "input_text", "text": "new"}, IMAGE])]),
        ([CALL], [CALL]),
    ],
)
def test_the_last_user_text_is_replaced_and_images_stay(given, edited):
    assert ask(given).with_last_user_text("new").to_dict()["input"] == edited


@pytest.mark.parametrize(
    ("instructions", "position", "edited"),
    [
        (None, "before", "new"),
        (None, "after", "new"),
        ("old", "before", "new\n\nold"),
        ("old", "after", "old\n\nnew"),
        ("old", "replace", "new"),
    ],
)
def test_a_system_prompt_goes_where_it_is_told(instructions, position, edited):
    request = ask(instructions=instructions).with_system_prompt("new", position)
    assert request.to_dict()["instructions"] == edited


def test_instructions_in_items_take_no_system_prompt():
    with pytest.raises(UnsupportedFeature):
        ask(instructions=[user("a")]).with_system_prompt("new")


def test_a_negative_output_limit_is_none():
    assert ask(max_output_tokens=-1).max_tokens is None


def test_the_output_limit_is_read_and_set():
    request = ask(max_output_tokens=50)
    assert (request.max_tokens, request.with_max_tokens(7).to_dict()["max_output_tokens"]) == (50, 7)


USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1},
}
NOTHING = {"usage": None, "finished": False, "terminal": False, "error": False, "hideable": False}
THE_END = {"finished": True, "terminal": True}


@pytest.mark.parametrize(
    ("value", "signs"),
    [
        ({"type": "response.created", "response": {"usage": None}}, {}),
        ({"type": "response.output_text.delta", "delta": "a"}, {}),
        ({"type": "of.next.week"}, {}),
        ({"type": "response.completed", "response": {"usage": USAGE}}, {**THE_END, "usage": Usage(3, 2, 1, 1)}),
        ({"type": "response.completed"}, THE_END),
        ({"type": "response.incomplete", "response": {}}, THE_END),
        ({"type": "response.failed", "response": {"error": {}}}, {**THE_END, "error": True}),
        ({"type": "error", "message": "x"}, {"error": True}),
        ({"error": {"message": "x"}}, {"error": True}),
    ],
)
def test_the_signs_of_an_event(value, signs):
    assert OpenAIResponsesProvider().signs(Event.of_json(value), whole=False)._asdict() == {**NOTHING, **signs}


def test_an_event_may_say_its_type_outside_its_data():
    assert OpenAIResponsesProvider().signs(Event.of_json({"message": "x"}, "error"), whole=False).error


@pytest.mark.parametrize("data", ["7", "[]", "null", "{", "", '{"type":"response.completed","response":"x"}'])
def test_an_event_of_another_kind_has_no_signs(data):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        OpenAIResponsesProvider().signs(Event.of(data), whole=False)


@pytest.mark.parametrize(
    ("value", "signs"),
    [
        ({"output": [], "usage": USAGE}, {**THE_END, "usage": Usage(3, 2, 1, 1)}),
        ({"output": [], "status": "failed", "error": {"code": "x"}}, THE_END),
        ({"status": "queued"}, THE_END),
        ({"error": {"message": "x"}}, {"error": True}),
    ],
)
def test_the_signs_of_a_whole_answer(value, signs):
    shown = OpenAIResponsesProvider().signs(Event.whole(json.dumps(value).encode()), whole=True)
    assert shown._asdict() == {**NOTHING, **signs}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b""])
def test_a_whole_answer_of_another_kind_has_no_signs(body):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        OpenAIResponsesProvider().signs(Event.whole(body), whole=True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "x", "param": None}, 429),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}, 429),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "x"}}}, 429),
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "x"}}}, 502),
        ({"type": "response.failed", "response": {"error": None}}, 502),
        ({"type": "response.failed"}, 502),
    ],
)
def test_an_error_in_the_place_of_a_first_event_keeps_its_class(error, status):
    assert OpenAIResponsesProvider().read_error(200, {}, json.dumps(error).encode()).status == status


def test_a_response_needs_no_last_line():
    assert list(OpenAIResponsesProvider().terminal_events()) == []


def test_usage_needs_not_be_asked_for():
    body = {"stream": True}
    assert OpenAIResponsesProvider().ask_usage(body) is body
    assert ask(stream=True).wants_usage


# Answers of our own.


def test_a_whole_answer_is_one_of_openais():
    responses = pytest.importorskip("openai.types.responses", reason="the openai SDK is not installed")
    body = json.dumps(OpenAIResponsesClient().write_answer(SAID, ask(instructions="be kind")))
    answer = responses.Response.model_validate_json(body)
    assert (answer.output_text, answer.status, answer.usage.total_tokens) == ("hello", "completed", 5)
    assert (answer.instructions, answer.usage.input_tokens_details.cached_tokens) == ("be kind", 1)


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_short_is_incomplete(reason, why):
    body = OpenAIResponsesClient().write_answer(Answer((Text("a"),), reason), ask())
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": why})


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_every_event_is_one_of_openais(reason):
    responses = pytest.importorskip("openai.types.responses", reason="the openai SDK is not installed")
    pydantic = pytest.importorskip("pydantic", reason="the openai SDK is not installed")
    adapter = pydantic.TypeAdapter(responses.ResponseStreamEvent)
    said = Answer(SAID.parts, reason, SAID.usage)
    written = list(OpenAIResponsesClient().write_stream(said.play(), ask(stream=True)))
    events = [adapter.validate_json(event.data) for event in written]
    assert [event.type for event in events] == [event.type for event in written]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "hello"
    assert events[-1].response.output_text == "hello"
    assert events[-1].response.usage.output_tokens_details.reasoning_tokens == 1


def test_what_we_write_is_what_we_read():
    events = OpenAIResponsesClient().write_stream(SAID.play(), ask(stream=True))
    signs = [OpenAIResponsesProvider().signs(event, whole=False) for event in events]
    assert [sign.terminal for sign in signs] == [False] * (len(signs) - 1) + [True]
    assert signs[-1].usage == Usage(3, 2, 1, 1)


def test_an_error_within_a_stream_is_an_error_and_a_failure():
    events = list(OpenAIResponsesClient().error_events(LLMProxyError(code="upstream_stream_reset"), RequestContext()))
    assert [event.type for event in events] == ["error", "response.failed"]
    assert [event.json()["type"] for event in events] == ["error", "response.failed"]
    assert events[0].json()["code"] == events[1].json()["response"]["error"]["code"] == "upstream_stream_reset"
