import json

import pytest

from dialects.openai_responses.asking import ask
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.openai_responses import OpenAIResponsesClient

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
CALL = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "ok"}


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
