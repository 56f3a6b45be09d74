import json

import pytest

from dialects.openai_responses.asking import ask
from llmproxy.core.answer import Usage
from llmproxy.core.shape import NONSENSE
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_responses import OpenAIResponsesProvider

USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1},
}
COUNTED = Usage(3, 2, 1, 1, extra={"openai.responses": {name: USAGE[name] for name in USAGE if "details" in name}})
THE_END = {"finished": True, "terminal": True}


@pytest.mark.parametrize(
    ("value", "signs"),
    [
        ({"type": "response.created", "response": {"usage": None}}, {}),
        ({"type": "response.output_text.delta", "delta": "a"}, {}),
        ({"type": "of.next.week"}, {}),
        ({"type": "keepalive", "sequence_number": 3}, {"ping": True}),
        ({"type": "response.completed", "response": {"usage": USAGE}}, {**THE_END, "usage": COUNTED}),
        ({"type": "response.completed"}, THE_END),
        ({"type": "response.incomplete", "response": {}}, THE_END),
        ({"type": "response.failed", "response": {"error": {}}}, {**THE_END, "error": True}),
        ({"type": "error", "message": "x"}, {"error": True}),
        ({"error": {"message": "x"}}, {"error": True}),
    ],
)
def test_the_signs_of_an_event(value, signs):
    assert OpenAIResponsesProvider().signs(Event.of_json(value), whole=False) == Signs(**signs)


def test_an_event_may_say_its_type_outside_its_data():
    assert OpenAIResponsesProvider().signs(Event.of_json({"message": "x"}, "error"), whole=False).error


@pytest.mark.parametrize("data", ["7", "[]", "null", "{", "", '{"type":"response.completed","response":"x"}'])
def test_an_event_of_another_kind_has_no_signs(data):
    with pytest.raises(NONSENSE):
        OpenAIResponsesProvider().signs(Event.of(data), whole=False)


@pytest.mark.parametrize(
    ("value", "signs"),
    [
        ({"output": [], "usage": USAGE}, {**THE_END, "usage": COUNTED}),
        ({"output": [], "status": "failed", "error": {"code": "x"}}, THE_END),
        ({"status": "queued"}, THE_END),
        ({"error": {"message": "x"}}, {"error": True}),
    ],
)
def test_the_signs_of_a_whole_answer(value, signs):
    body = Event.whole(json.dumps(value).encode())
    assert OpenAIResponsesProvider().signs(body, whole=True) == Signs(**signs)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b""])
def test_a_whole_answer_of_another_kind_has_no_signs(body):
    with pytest.raises(NONSENSE):
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
