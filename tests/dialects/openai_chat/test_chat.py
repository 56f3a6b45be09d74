"""Requests, in the neutral model and back. The recorded ones are in tests/wire; here is what they do not show."""

import pytest

from llmproxy.core.chat import (
    Audio,
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Reasoning,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.openai_chat.chat import read_request, write_request

HI = {"role": "user", "content": "hi"}
PNG = Source("image/png", data="AAAA")


def read(*messages, **members):
    return read_request({"model": "m", "messages": list(messages) or [HI], **members})


def written(*messages, **members):
    return write_request(Chat("m", messages, **members))


def test_a_tools_answer_is_a_part_of_the_users():
    (message,) = read({"role": "tool", "tool_call_id": "1", "content": "sunny"}).messages
    assert message == Message("user", (ToolResult("1", (Text("sunny"),)),))


def test_each_tools_answer_is_a_message_of_its_own_and_comes_first():
    body, _ = written(Message("user", (Text("and?"), ToolResult("1", (Text("a"),)), ToolResult("2", (Text("b"),)))))
    assert body["messages"] == [
        {"role": "tool", "tool_call_id": "1", "content": "a"},
        {"role": "tool", "tool_call_id": "2", "content": "b"},
        {"role": "user", "content": "and?"},
    ]


def test_a_picture_that_a_tool_answered_with_follows_in_the_users_words():
    body, _ = written(Message("user", (ToolResult("1", (Text("see"), Image(PNG))),)))
    tool, user = body["messages"]
    assert tool == {"role": "tool", "tool_call_id": "1", "content": "see"}
    assert user["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]


def test_a_tools_answer_without_content_is_an_empty_one():
    body, _ = written(Message("user", (ToolResult("1"),)))
    assert body["messages"] == [{"role": "tool", "tool_call_id": "1", "content": ""}]


def test_system_and_developer_messages_stay_where_they_stood():
    roles = ["system", "user", "developer"]
    chat = read(*({"role": role, "content": "x"} for role in roles))
    assert [message.role for message in chat.messages] == roles


def test_a_role_nobody_has_is_refused():
    with pytest.raises(ParseError) as caught:
        read({"role": "wizard", "content": "x"})
    assert caught.value.param == "messages.0.role"


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}},
            Image(Source(url="https://x/a.png"), "low"),
        ),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, Image(PNG)),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            Audio(Source("audio/mpeg", data="AA")),
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, Document(Source(file_id="f1"))),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
            Document(Source("application/pdf", data="AA"), "a.pdf"),
        ),
        ({"type": "refusal", "refusal": "no"}, Refusal("no")),
        ({"type": "hologram", "hologram": 1}, Other("openai.chat", {"type": "hologram", "hologram": 1})),
    ],
)  # fmt: skip
def test_a_part_is_read_and_written_again(part, read_as):
    chat = read({"role": "user", "content": [part, {"type": "text", "text": "x"}]})
    assert chat.messages[0].parts == (read_as, Text("x"))
    assert write_request(chat)[0]["messages"][0]["content"] == [part, {"type": "text", "text": "x"}]


@pytest.mark.parametrize(
    "part", [{"type": "text"}, {"type": "text", "text": 1}, {"type": "image_url", "image_url": {}}]
)
def test_half_a_part_is_refused_by_its_path(part):
    with pytest.raises(ParseError) as caught:
        read({"role": "user", "content": [part]})
    assert caught.value.param == "messages.0.content.0"


@pytest.mark.parametrize(
    "part",
    [
        Image(Source(file_id="f")),
        Audio(Source(url="https://x")),
        Document(Source(url="https://x")),
        Other("anthropic.messages", {"type": "search_result"}),
    ],
)
def test_what_cannot_be_shown_to_the_model_is_refused(part):
    with pytest.raises(UnsupportedFeature):
        written(Message("user", (ToolResult("1", (part,)),)) if isinstance(part, Other) else Message("user", (part,)))


def test_a_document_of_plain_text_is_a_text():
    body, _ = written(Message("user", (Document(Source("text/plain"), text="hello"), Text("x"))))
    assert body["messages"][0]["content"][0] == {"type": "text", "text": "hello"}


def test_thoughts_are_read_back_with_their_signature():
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}
    message = {"role": "assistant", "content": "a", "reasoning_content": "hm", "reasoning_details": [detail]}
    thinking = Thinking("hm", Signature("s", "anthropic"))
    chat = read(HI, message)
    assert chat.messages[1].parts == (thinking, Text("a"))
    assert write_request(chat)[0]["messages"][1] == message


def test_details_that_came_in_pieces_are_one_thought():
    pieces = [
        {"type": "reasoning.text", "text": "h", "index": 0},
        {"type": "reasoning.text", "text": "m", "index": 0},
        {"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "x", "index": 1},
    ]
    message = {"role": "assistant", "content": "a", "reasoning_details": pieces}
    assert read(HI, message).messages[1].parts[:2] == (Thinking("hm", Signature("s", "anthropic")), Thinking("x"))


def test_thoughts_that_may_not_be_read_come_back_as_they_were():
    detail = {"type": "reasoning.encrypted", "data": "x", "format": "anthropic-claude-v1", "index": 0}
    message = {"role": "assistant", "content": "a", "reasoning_details": [detail]}
    chat = read(HI, message)
    assert chat.messages[1].parts[0] == Thinking(redacted=Signature("x", "anthropic"))
    assert write_request(chat)[0]["messages"][1] == message


def test_thoughts_are_left_out_for_a_host_that_does_not_know_them():
    chat = Chat("m", (Message("assistant", (Thinking("hm"), Text("a"))),))
    body, lost = write_request(chat, thinking=False)
    assert (body["messages"], lost) == ([{"role": "assistant", "content": "a"}], ["thinking"])


def test_the_signature_of_a_call_travels_beside_it():
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    chat = read(HI, {"role": "assistant", "content": None, "tool_calls": [call]})
    assert chat.messages[1].parts == (ToolCall("1", "f", "{}", Signature("s", "google")),)
    assert write_request(chat)[0]["messages"][1]["tool_calls"] == [call]


def test_arguments_that_are_no_json_stay_as_the_model_wrote_them():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}
    body, _ = write_request(read(HI, {"role": "assistant", "content": None, "tool_calls": [call]}))
    assert body["messages"][1]["tool_calls"] == [call]


def test_a_call_without_arguments_has_an_empty_object():
    body, _ = written(Message("assistant", (ToolCall("1", "f"),)))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_calls_without_ids_get_some_that_their_results_share():
    body, _ = written(Message("assistant", (ToolCall(None, "f"),)), Message("user", (ToolResult(None, name="f"),)))
    assert body["messages"][0]["tool_calls"][0]["id"] == body["messages"][1]["tool_call_id"]


def test_legacy_functions_are_tools():
    chat = read(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})
    assert (chat.tools, chat.tool_choice) == ((Tool("f", parameters={}),), ToolChoice("required", ("f",)))


def test_a_custom_tool_is_left_as_it_is():
    tool = {"type": "custom", "custom": {"name": "x"}}
    chat = read(tools=[tool])
    assert chat.tools == (Other("openai.chat", tool),)
    assert write_request(chat)[0]["tools"] == [tool]


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("required", ("f",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            ToolChoice("auto", ("f",)),
        ),
    ],
)  # fmt: skip
def test_a_choice_of_tools_is_read_and_written_again(choice, read_as):
    chat = read(tool_choice=choice)
    assert chat.tool_choice == read_as
    assert write_request(chat)[0]["tool_choice"] == choice


@pytest.mark.parametrize(("given", "limit"), [({"max_tokens": 5}, 5), ({"max_completion_tokens": 7}, 7)])
def test_the_limit_comes_back_in_the_member_it_came_in(given, limit):
    chat = read(**given)
    assert chat.max_tokens == limit
    assert {name: value for name, value in write_request(chat)[0].items() if "tokens" in name} == given


def test_a_budget_becomes_the_effort_that_has_room_for_it():
    assert written(Message("user"), reasoning=Reasoning(budget=3000))[0]["reasoning_effort"] == "medium"


def test_what_openai_has_no_word_for_is_named():
    part = Text("a", Cache())
    result = ToolResult("1", (Text("x"),), is_error=True)
    _, lost = written(Message("user", (part, result)), top_k=3, tools=(Tool("f", cache=Cache()),))
    assert set(lost) == {"cache", "is_error", "top_k"}


def test_a_host_that_knows_more_than_openai_gets_what_its_client_said():
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    body, lost = write_request(read({"role": "user", "content": [part, part]}, top_k=3))
    assert (body["messages"][0]["content"], body["top_k"], lost) == ([part, part], 3, [])
