import json

import pytest

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.chat import Signature, Text
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.core.shape import NONSENSE
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def ask(*messages, **members):
    body = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **members}
    return OpenAIChatClient().parse(json.dumps(body).encode(), RequestContext())


def user(content):
    return {"role": "user", "content": content}


def system(content):
    return {"role": "system", "content": content}


# What we rely on in a body.


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": {"role": "user"}}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [user("a"), None]}, "messages.1"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": 7, "content": "a"}]}, "messages.0.role"),
        ({"messages": [user("a")] * 3 + [user(7)]}, "messages.3.content"),
        ({"messages": [user({"text": "a"})]}, "messages.0.content"),
        ({"messages": [user(True)]}, "messages.0.content"),
        ({"messages": [user([{"type": "text", "text": "a"}, 7])]}, "messages.0.content.1"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": True}, "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_completion_tokens": "5"}, "max_completion_tokens"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        ask(**{"messages": [user("hi")], **members}) if "messages" not in members else _parse(members)
    assert (caught.value.param, caught.value.code, caught.value.status) == (path, "invalid_value", 400)
    assert caught.value.message.startswith(f"{path}: ")


def _parse(members):
    return OpenAIChatClient().parse(json.dumps({"model": "m", **members}).encode(), RequestContext())


def test_a_body_without_messages_is_told_so():
    with pytest.raises(ParseError, match=r"messages: Missing data for required field\."):
        _parse({})


@pytest.mark.parametrize(
    "members",
    [
        {"stream": None, "stream_options": None, "max_tokens": None, "max_completion_tokens": None},
        {"messages": [{"role": "assistant", "tool_calls": []}]},
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": [user("")]},
        {"messages": [user([])]},
        {"messages": [user(["a", "b"])]},
        {"messages": [user([{"type": "of_next_week", "thing": 1}])]},
        {"messages": [{"role": "of_next_week", "content": "a", "more": {}}]},
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"tools": "anything", "n": -7, "max_tokens": 0, "max_completion_tokens": -1},
    ],
)
def test_what_we_do_not_rely_on_is_not_checked(members):
    body = {"messages": [user("hi")], **members}
    assert _parse(body).to_dict() == {"model": "m", **body}


# What is read.


@pytest.mark.parametrize(("value", "stream"), [(True, True), (False, False), (None, False)])
def test_a_stream_is_asked_for(value, stream):
    assert ask(stream=value).stream is stream


@pytest.mark.parametrize(
    ("members", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 6, "max_completion_tokens": 5}, 6),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
        ({"max_tokens": 0}, 0),
        ({"max_tokens": -1}, None),
        ({"max_tokens": -1, "max_completion_tokens": 5}, 5),
    ],
)
def test_the_output_limit_is_the_largest_that_may_count(members, limit):
    assert ask(**members).max_tokens == limit


@pytest.mark.parametrize(
    ("options", "wanted"),
    [(None, False), ({}, False), ({"include_usage": True}, True), ({"include_usage": False}, False)],
)
def test_usage_is_wanted_by_those_who_asked(options, wanted):
    assert ask(stream_options=options).wants_usage is wanted


def test_texts_are_those_of_all_messages_and_parts():
    request = ask(system("a"), user([{"type": "text", "text": "b"}, IMAGE]), {"role": "assistant"}, user("c"))
    assert list(request.texts()) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([user("a"), user("b")], "b"),
        ([user("a"), {"role": "assistant", "content": "x"}], "a"),
        ([user([{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}])], "a\nb"),
        ([system("x")], ""),
        ([user(None)], ""),
    ],
)
def test_the_last_user_text_is_found(messages, text):
    assert ask(*messages).last_user_text() == text


# Edits.


@pytest.mark.parametrize(
    ("members", "edited"),
    [
        ({}, {"max_tokens": 7}),
        ({"max_tokens": 50}, {"max_tokens": 7}),
        ({"max_completion_tokens": 50}, {"max_completion_tokens": 7}),
        ({"max_completion_tokens": 5, "max_tokens": 50}, {"max_completion_tokens": 7, "max_tokens": 7}),
        ({"max_tokens": -1}, {"max_tokens": 7}),
    ],
)
def test_the_output_limit_is_set_in_the_member_the_client_uses(members, edited):
    body = ask(**members).with_max_tokens(7).to_dict()
    assert {name: value for name, value in body.items() if name.startswith("max_")} == edited


HEAD = [system("one"), {"role": "developer", "content": "two"}]
TALK = [user("hi"), system("late"), user("bye")]


@pytest.mark.parametrize(
    ("position", "messages"),
    [
        ("before", [system("new"), *HEAD, *TALK]),
        ("after", [*HEAD, system("new"), *TALK]),
        ("replace", [system("new"), user("hi"), user("bye")]),
    ],
)
def test_a_system_prompt_goes_where_it_is_told(position, messages):
    assert ask(*HEAD, *TALK).with_system_prompt("new", position).messages == messages


@pytest.mark.parametrize("position", ["before", "after", "replace"])
def test_a_system_prompt_goes_first_where_there_was_none(position):
    assert ask(user("hi")).with_system_prompt("new", position).messages == [system("new"), user("hi")]


def test_every_text_is_mapped():
    request = ask(system("a"), user([{"type": "text", "text": "b"}, IMAGE, "c"])).map_texts(str.upper)
    assert request.messages == [system("A"), user([{"type": "text", "text": "B"}, IMAGE, "C"])]


def test_a_message_without_content_stays_without_when_texts_are_mapped():
    message = {"role": "assistant", "tool_calls": [{"id": "1"}]}
    assert ask(user("a"), message).map_texts(str.upper).messages == [user("A"), message]


def test_the_last_user_text_is_replaced():
    request = ask(user("a"), user("b"), {"role": "assistant", "content": "c"}).with_last_user_text("new")
    assert request.messages == [user("a"), user("new"), {"role": "assistant", "content": "c"}]


def test_images_stay_when_the_last_user_text_is_replaced():
    request = ask(user([IMAGE, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}])).with_last_user_text(
        "new"
    )
    assert request.messages == [user([{"type": "text", "text": "new"}, IMAGE])]


def test_without_a_user_message_there_is_none_to_replace():
    assert ask(system("a")).with_last_user_text("new").messages == [system("a")]


# What is asked of an upstream.


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (None, {"include_usage": True}),
        ({}, {"include_usage": True}),
        ({"include_usage": False}, {"include_usage": True}),
        ({"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_usage_is_asked_for_beside_other_options(options, asked):
    body = {"stream_options": options}
    assert OpenAIChatProvider().ask_usage(body) == {"stream_options": asked}
    assert body == {"stream_options": options}


def test_usage_is_not_asked_for_twice():
    body = {"stream_options": {"include_usage": True}}
    assert OpenAIChatProvider().ask_usage(body) is body


# Signs: those that are not what an ordinary event shows.


@pytest.mark.parametrize(
    ("data", "signs"),
    [
        ('{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}', {}),
        ('{"choices":[{"delta":{"content":"a"}}]}', {}),
        ('{"choices":[{"delta":{},"finish_reason":"stop"}]}', {"finished": True}),
        ('{"choices":[{"finish_reason":null},{"finish_reason":"length"}]}', {"finished": True}),
        ('{"choices":[],"usage":{"prompt_tokens":1}}', {"usage": Usage(1), "hideable": True}),
        ('{"usage":{"prompt_tokens":1}}', {"usage": Usage(1), "hideable": True}),
        ('{"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}', {"usage": Usage(1), "finished": True}),
        ('{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}', {"usage": Usage(1)}),
        ('{"choices":[{"delta":{}}],"usage":null}', {}),
        ('{"choices":[],"prompt_filter_results":[]}', {}),
        ('{"choices":[],"usage":null}', {}),
        ('{"error":{"message":"x"}}', {"error": True}),
        ('{"error":"x","choices":[]}', {"error": True}),
        ('{"error":null,"choices":[]}', {}),
        ("[DONE]", {"terminal": True}),
    ],
)
def test_the_signs_of_an_event(data, signs):
    assert OpenAIChatProvider().signs(Event.of(data), whole=False) == Signs(**signs)


@pytest.mark.parametrize("data", ["7", "null", "[]", '"x"', "{", "", '{"choices":7}', '{"choices":[7]}'])
def test_an_event_of_another_kind_has_no_signs(data):
    with pytest.raises(NONSENSE):
        OpenAIChatProvider().signs(Event.of(data), whole=False)


def test_a_whole_answer_is_its_own_end():
    signs = OpenAIChatProvider().signs(Event.whole(b'{"choices":[],"usage":{"prompt_tokens":1}}'), whole=True)
    assert signs == Signs(Usage(1), finished=True, terminal=True)


# Answers of our own.

SAID = Answer.of("hel", "lo", reason="length", usage=Usage(3, 2))


def test_a_whole_answer_carries_the_model_as_it_was_asked_for():
    request = ask().with_model("the-targets-name")
    assert OpenAIChatClient().write_answer(SAID, request)["model"] == "m"


def test_a_whole_answer_has_the_signature_of_a_text_among_its_thoughts():
    answer = Answer.of(Text("hi", signature=Signature("x", "google")))
    message = OpenAIChatClient().write_answer(answer, ask())["choices"][0]["message"]
    assert (message["content"], message["reasoning_details"][0]["signature"]) == ("hi", "x")


def test_a_streamed_answer_ends_with_its_reason_and_the_last_line():
    events = [event.data for event in OpenAIChatClient().write_stream(SAID.play(), ask(stream=True))]
    assert events[-1] == b"[DONE]"
    assert json.loads(events[-2])["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_streamed_answer_has_usage_for_those_who_asked(wanted):
    request = ask(stream=True, stream_options={"include_usage": wanted})
    chunks = [event.data for event in OpenAIChatClient().write_stream(SAID.play(), request)][:-1]
    usage = [json.loads(chunk).get("usage") for chunk in chunks]
    expected = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert usage[-1] == (expected if wanted else None)
    assert usage[:-1] == [None] * (len(usage) - 1)


def test_what_we_write_is_what_we_read():
    events = OpenAIChatClient().write_stream(SAID.play(), ask(stream=True, stream_options={"include_usage": True}))
    signs = [OpenAIChatProvider().signs(event, whole=False) for event in events]
    assert [sign.usage for sign in signs if sign.usage] == [Usage(3, 2)]
    assert [sign.finished for sign in signs].index(True) < [sign.terminal for sign in signs].index(True)


def test_a_whole_answer_is_one_of_openais():
    chat = pytest.importorskip("openai.types.chat", reason="the openai SDK is not installed")
    answer = chat.ChatCompletion.model_validate(OpenAIChatClient().write_answer(SAID, ask()), strict=True)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("hello", "length")
    assert answer.usage.total_tokens == 5


def test_every_chunk_is_one_of_openais():
    chat = pytest.importorskip("openai.types.chat", reason="the openai SDK is not installed")
    request = ask(stream=True, stream_options={"include_usage": True})
    events = list(OpenAIChatClient().write_stream(SAID.play(), request))[:-1]
    chunks = [chat.ChatCompletionChunk.model_validate_json(event.data, strict=True) for event in events]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "hello"
    assert len({chunk.id for chunk in chunks}) == 1
