import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.dialects.ollama_chat import OllamaChatClient


def ask(*messages, **members):
    body = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **members}
    return OllamaChatClient().parse(json.dumps(body).encode(), RequestContext())


@pytest.mark.parametrize(("said", "stream"), [({}, True), ({"stream": None}, True), ({"stream": False}, False)])
def test_an_answer_is_streamed_unless_the_client_says_no(said, stream):
    request = ask(**said)
    assert (request.stream, request.context.stream, request.to_chat().stream) == (stream, stream, stream)


@pytest.mark.parametrize(
    ("options", "limit"),
    [(None, None), ({}, None), ({"num_predict": 7}, 7), ({"num_predict": -1}, None), ({"num_predict": -2}, None)],
)
def test_a_negative_num_predict_is_no_limit(options, limit):
    request = ask(options=options)
    assert (request.max_tokens, request.to_chat().max_tokens) == (limit, limit)


def test_usage_is_always_wanted():
    assert ask().wants_usage


def test_a_limit_is_set_among_the_options():
    body = ask(options={"num_predict": -1, "num_ctx": 9}).with_max_tokens(5).to_dict()
    assert body["options"] == {"num_predict": 5, "num_ctx": 9}
    assert "max_tokens" not in body


def test_defaults_go_where_ollama_keeps_them():
    request = ask(options={"seed": 1}).with_defaults({"max_tokens": 5, "seed": 2, "temperature": 0, "keep_alive": "1m"})
    assert request.to_dict()["options"] == {"seed": 1, "num_predict": 5, "temperature": 0}
    assert request.to_dict()["keep_alive"] == "1m"


def test_without_anything_missing_defaults_change_nothing():
    request = ask(options={"seed": 1})
    assert request.with_defaults({"seed": 2}) is request


def test_a_system_prompt_is_a_message():
    request = ask().with_system_prompt("Be brief.")
    assert request.messages[0] == {"role": "system", "content": "Be brief."}


def test_texts_are_those_of_all_messages_and_are_mapped():
    request = ask({"role": "system", "content": "a"}, {"role": "tool", "tool_name": "t", "content": "b"})
    assert list(request.texts()) == ["a", "b"]
    assert list(request.map_texts(str.upper).texts()) == ["A", "B"]


def test_images_stay_when_the_last_user_text_is_replaced():
    request = ask({"role": "user", "content": "a", "images": ["AAAA"]}).with_last_user_text("b")
    assert request.messages == [{"role": "user", "content": "b", "images": ["AAAA"]}]


def test_a_conversation_without_messages_loads_a_model_and_is_let_through():
    body = b'{"model": "m", "messages": [], "keep_alive": 0}'
    request = OllamaChatClient().parse(body, RequestContext())
    assert request.to_json() == body
    assert list(request.texts()) == []


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"stream": "no"}, "stream"),
        ({"options": 7}, "options"),
        ({"options": {"num_predict": "7"}}, "options.num_predict"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        OllamaChatClient().parse(json.dumps({"model": "m", "messages": [], **members}).encode(), RequestContext())
    assert caught.value.param == path
