import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient

RESULT = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "found"}]}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x"}}


def ask(*messages, **members):
    body = {"model": "m", "messages": list(messages) or [user("hi")], **members}
    return AnthropicMessagesClient().parse(json.dumps(body).encode(), RequestContext())


def user(content):
    return {"role": "user", "content": content}


def text(words):
    return {"type": "text", "text": words}


def document(data):
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": data}}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"messages": [user(7)]}, "messages.0.content"),
        ({"system": 7}, "system"),
        ({"system": ["a"]}, "system"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"model": ""}, "model"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        ask(**{"model": "m", "messages": [user("hi")], **members}) if "messages" not in members else _parse(members)
    assert (caught.value.param, caught.value.status) == (path, 400)


def _parse(members):
    return AnthropicMessagesClient().parse(json.dumps({"model": "m", **members}).encode(), RequestContext())


def test_a_limit_is_the_upstreams_to_ask_for():
    assert ask().max_tokens is None
    assert ask(max_tokens=5).with_max_tokens(3).to_dict()["max_tokens"] == 3


def test_texts_are_those_of_the_system_of_messages_of_results_and_of_documents():
    content = [RESULT, text("b"), document("c"), {"type": "search_result", "content": [text("d")]}, IMAGE]
    request = ask(user("a"), user(content), system=[text("s")])
    assert list(request.texts()) == ["s", "a", "found", "b", "c", "d"]


def test_thoughts_are_not_read_nor_changed_because_they_are_signed():
    thought = {"type": "thinking", "thinking": "secret", "signature": "S"}
    request = ask({"role": "assistant", "content": [thought]})
    assert list(request.texts()) == []
    assert request.map_texts(str.upper).messages[0]["content"] == [thought]


def test_texts_are_mapped_wherever_they_are():
    content = [RESULT, text("b"), document("c"), IMAGE, {"type": "tool_result", "tool_use_id": "c2"}]
    request = ask(user("a"), user(content), system="s").map_texts(str.upper)
    assert list(request.texts()) == ["S", "A", "FOUND", "B", "C"]
    assert request.messages[1]["content"][3:] == content[3:]


def test_an_edit_leaves_the_request_it_was_made_from_alone():
    request = ask(user([text("a")]), system=[text("s")])
    request.map_texts(str.upper)
    assert list(request.texts()) == ["s", "a"]


@pytest.mark.parametrize(
    ("system", "position", "expected"),
    [
        (None, "before", "new"),
        (None, "after", "new"),
        ("old", "before", [text("new"), text("old")]),
        ("old", "after", [text("old"), text("new")]),
        ([text("a"), text("b")], "before", [text("new"), text("a"), text("b")]),
        ([text("a"), text("b")], "after", [text("a"), text("b"), text("new")]),
        ("old", "replace", "new"),
    ],
)
def test_a_system_prompt_is_added_above_the_conversation(system, position, expected):
    members = {} if system is None else {"system": system}
    assert ask(**members).with_system_prompt("new", position).to_dict()["system"] == expected


def test_a_system_prompt_in_the_place_of_another_replaces_those_within_the_conversation_too():
    request = ask(user("a"), {"role": "system", "content": "old"}).with_system_prompt("new", "replace")
    assert request.messages == [user("a")]


def test_what_the_user_said_last_is_no_result_of_a_tool():
    request = ask(user("a"), user([text("b"), IMAGE]), {"role": "assistant", "content": "c"}, user([RESULT]))
    assert request.last_user_text() == "b"
    assert request.with_last_user_text("new").messages[1]["content"] == [IMAGE, text("new")]


def test_a_text_that_is_a_string_is_replaced_by_one():
    assert ask(user("a")).with_last_user_text("b").messages == [user("b")]


def test_where_the_user_said_nothing_there_is_nothing_to_replace():
    request = ask(user([RESULT]))
    assert request.last_user_text() == ""
    assert request.with_last_user_text("new").messages == request.messages


@pytest.mark.parametrize("kind", [[], {}, 5, None])
def test_a_block_of_no_kind_at_all_holds_no_texts(kind):
    request = ask(user([{"type": kind, "content": "a"}]))
    assert list(request.map_texts(str.upper).texts()) == []
