import base64
import json

import pytest

from llmproxy.core.chat import (
    Audio,
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Refusal,
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    foreign,
)
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

NAME = "anthropic.messages"
PNG = Source("image/png", data="AAAA")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = Tool("weather", "It rains.", SCHEMA)
CALL = ToolCall("c1", "weather", '{"city": "Rome"}')


def written(*messages, **members):
    """The body of a chat, and what it lost."""
    return AnthropicMessagesProvider().write_request(Chat("claude-sonnet-4-0", messages or (user("hi"),), **members))


def messages_of(*messages):
    return written(*messages)[0]["messages"]


def user(*parts):
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts):
    return Message("assistant", user(*parts).parts)


def system(text, role="system"):
    return Message(role, (Text(text),))


def block(part):
    """The only block of a message of the user's with one part."""
    (message,) = messages_of(user(part, "!"))
    return message["content"][0]


def read(*messages, **members):
    """What a body with these messages asks."""
    body = {"model": "m", "max_tokens": 5, "messages": list(messages) or [said("hi")], **members}
    return AnthropicMessagesClient().parse(json.dumps(body).encode(), RequestContext()).to_chat()


def said(content, role="user"):
    return {"role": role, "content": content}


def part_of(block):
    return read(said([block])).messages[0].parts[0]


def again(**members):
    """A body with these members, read and written again."""
    body, lost = AnthropicMessagesProvider().write_request(read(**members))
    assert lost == []
    return body


# The conversation.


def test_system_messages_go_above_the_conversation_all_in_order():
    body, _ = written(system("a"), user("hi"), system("b", "developer"), assistant("ho"), system("c"), user("he"))
    assert [block["text"] for block in body["system"]] == ["a", "b", "c"]
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


def test_one_system_text_is_a_string():
    assert written(system("a"), user("hi"))[0]["system"] == "a"


def test_a_system_message_that_stood_in_the_conversation_stays_there():
    chat = read(said("hi"), said("be short", "system"), system="be kind")
    body, _ = AnthropicMessagesProvider().write_request(chat)
    assert (body["system"], body["messages"]) == ("be kind", [said("hi"), said("be short", "system")])


def test_the_place_of_a_system_message_is_not_listed_as_lost():
    chat = read(said("hi"), said("be short", "system"))
    assert set(foreign(chat, "openai.chat")) <= AnthropicMessagesClient.immaterial


def test_an_image_cannot_instruct():
    with pytest.raises(UnsupportedFeature):
        written(Message("system", (Image(PNG),)), user("hi"))


def test_equal_neighbours_are_merged():
    assert messages_of(user("a"), user("b"), assistant("c"), assistant("d")) == [
        said([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        said([{"type": "text", "text": "c"}, {"type": "text", "text": "d"}], "assistant"),
    ]


def test_results_of_one_turn_stand_in_one_message_before_all_else():
    calls = assistant(CALL, ToolCall("c2", "weather", "{}"))
    turn = messages_of(user("hi"), calls, user(ToolResult("c1", (Text("1"),))), user("so?", ToolResult("c2")))[-1]
    assert [block["type"] for block in turn["content"]] == ["tool_result", "tool_result", "text"]
    assert [block.get("tool_use_id") for block in turn["content"]] == ["c1", "c2", None]


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_left_out_and_a_message_with_nothing_else(text):
    assert messages_of(user("a"), assistant(text), user(text, "b")) == [
        said([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
    ]


def test_a_prefill_ends_without_white_space():
    assert messages_of(user("a"), assistant("Sure: \n"))[-1] == said("Sure:", "assistant")


def test_an_earlier_turn_keeps_its_white_space():
    assert messages_of(user("a"), assistant("Sure: "), user("b"))[1] == said("Sure: ", "assistant")


def test_ids_fit_the_pattern_in_a_call_and_in_its_result_alike():
    call, result = ToolCall("functions.f:0", "f", "{}"), ToolResult("functions.f:0")
    turns = messages_of(user("hi"), assistant(call), user(result))
    id = turns[1]["content"][0]["id"]
    assert id.isalnum()
    assert turns[2]["content"][0]["tool_use_id"] == id


def test_a_call_without_an_id_gets_one_and_so_does_its_result():
    turns = messages_of(user("hi"), assistant(ToolCall(None, "f")), user(ToolResult(None, name="f")))
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"]


def test_a_name_is_listed_as_lost():
    assert written(Message("user", (Text("hi"),), "ann"))[1] == ["name"]


def test_a_role_that_is_none_is_refused_by_its_path():
    with pytest.raises(ParseError, match=r"messages\.1\.role"):
        read(said("hi"), said("x", "tool"))


# Parts.


def test_an_image_is_written_by_its_content_by_its_url_or_by_its_file():
    assert block(Image(PNG))["source"] == {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    assert block(Image(Source(url="https://x/y.png")))["source"] == {"type": "url", "url": "https://x/y.png"}
    assert block(Image(Source(file_id="f1")))["source"] == {"type": "file", "file_id": "f1"}


def test_the_detail_of_an_image_is_listed_as_lost():
    assert written(user(Image(PNG, "high")))[1] == ["detail"]
    assert written(assistant(CALL), user(ToolResult("c1", (Image(PNG, "low"),))))[1] == ["detail"]


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
        {"type": "url", "url": "https://x/y.pdf"},
        {"type": "text", "media_type": "text/plain", "data": "some text"},
        {"type": "file", "file_id": "f1"},
        {"type": "of_next_week", "thing": 1},
    ],
)
def test_a_document_comes_in_many_ways_and_goes_as_it_came(source):
    said_document = {"type": "document", "source": source, "title": "T", "context": "C", "citations": {"enabled": True}}
    assert again(messages=[said([said_document])])["messages"] == [said([said_document])]


def test_a_document_of_blocks_is_read_as_its_text():
    source = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    assert part_of({"type": "document", "source": source}).text == "a\n\nb"


def test_a_document_of_images_is_refused_rather_than_dropped():
    image = {"type": "image", "source": {"type": "url", "url": "https://x"}}
    with pytest.raises(UnsupportedFeature):
        part_of({"type": "document", "source": {"type": "content", "content": [image]}})


def test_a_file_of_text_is_written_as_text():
    data = base64.b64encode("Grüße".encode()).decode()
    source = block(Document(Source("text/markdown", data=data), "notes.md"))["source"]
    assert source == {"type": "text", "media_type": "text/plain", "data": "Grüße"}


@pytest.mark.parametrize(
    "part",
    [
        Document(Source("application/msword", data="AAAA")),
        Document(Source("text/plain", data="no base64!")),
        Audio(Source("audio/wav", data="AAAA")),
        ToolResult("c1", (Other("gemini.generate", {"type": "x"}),)),
    ],
)
def test_content_that_no_block_can_hold_is_refused(part):
    with pytest.raises(UnsupportedFeature):
        written(user(part))


def test_an_earlier_refusal_is_shown_as_text():
    assert messages_of(user("hi"), assistant(Refusal("No.")), user("why?"))[1] == said("No.", "assistant")


def test_invalid_arguments_are_shown_to_the_model_as_it_wrote_them():
    turn = messages_of(user("hi"), assistant(ToolCall("c1", "f", '{"a": ')), user(ToolResult("c1")))[1]
    assert turn["content"][0]["input"] == {"INVALID_JSON": '{"a": '}


def test_a_call_without_arguments_has_an_empty_input():
    turn = messages_of(user("hi"), assistant(ToolCall("c1", "f", "")), user(ToolResult("c1")))[1]
    assert turn["content"][0]["input"] == {}


def test_a_result_may_hold_texts_images_and_documents_and_be_an_error():
    parts = (Text("a"), Image(PNG), Document(Source("application/pdf", data="AAAA")))
    result = block(ToolResult("c1", parts, is_error=True))
    assert [each["type"] for each in result["content"]] == ["text", "image", "document"]
    assert result["is_error"] is True


@pytest.mark.parametrize(
    ("content", "parts"),
    [({"content": "42"}, (Text("42"),)), ({"content": [{"type": "text", "text": "42"}]}, (Text("42"),)), ({}, ())],
)
def test_the_content_of_a_result_is_a_string_blocks_or_absent(content, parts):
    assert part_of({"type": "tool_result", "tool_use_id": "c1", **content}) == ToolResult("c1", parts)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "search_result", "source": "s", "title": "t", "content": []},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "of_next_week", "thing": 1},
    ],
)
def test_a_block_that_only_this_dialect_has_goes_as_it_came(odd):
    assert part_of(odd) == Other(NAME, odd)
    assert again(messages=[said([odd])])["messages"] == [said([odd])]


def test_a_part_that_another_dialect_has_alone_is_left_out():
    assert messages_of(user("hi", Other("openai.chat", {"type": "custom"}))) == [said("hi")]


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "image", "source": "x"},
        {"type": "tool_use", "id": "c1"},
        {"type": "tool_result"},
        {"type": "thinking"},
    ],
)
def test_a_block_that_is_not_what_its_type_says_is_named_by_its_path(odd):
    with pytest.raises(ParseError) as caught:
        read(said([{"type": "text", "text": "a"}, odd]))
    assert caught.value.param == "messages.0.content.1"


def test_members_that_the_model_has_no_word_for_go_as_they_came():
    call = {"type": "tool_use", "id": "c1", "name": "f", "input": {}, "caller": {"type": "direct"}}
    text = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
    messages = [said([text, call], "assistant"), said([{"type": "tool_result", "tool_use_id": "c1"}])]
    assert again(messages=messages)["messages"] == messages


# Thoughts.


def test_a_signed_thought_goes_back_unchanged_before_its_call():
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "S"},
        {"type": "redacted_thinking", "data": "R"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
    ]
    messages = [said("hi"), said(blocks, "assistant"), said([{"type": "tool_result", "tool_use_id": "c1"}])]
    assert again(messages=messages)["messages"] == messages


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm"),
        Thinking("hm", Signature("S", "google")),
        Thinking("", Signature("S", "openai")),
        Thinking(redacted=Signature("R", "openai")),
    ],
)
def test_a_thought_of_another_maker_is_left_out_and_listed(thought):
    body, lost = written(user("hi"), assistant(thought, "ho"), user("he"))
    assert (body["messages"][1], lost) == (said("ho", "assistant"), ["thinking"])


@pytest.mark.parametrize("maker", ["anthropic", "google", "openai"])
def test_a_signature_that_this_dialect_has_carried_is_its_makers_again(maker):
    signature = Signature("S", maker)
    carried = signature.carried("anthropic")
    assert part_of({"type": "thinking", "thinking": "", "signature": carried}) == Thinking("", signature)
    assert part_of({"type": "redacted_thinking", "data": carried}) == Thinking(redacted=signature)


def test_a_thought_without_a_signature_has_an_empty_one():
    assert part_of({"type": "thinking", "thinking": "hm", "signature": ""}) == Thinking("hm")


# Cache points.


def test_cache_points_stand_on_the_system_on_tools_and_on_blocks():
    point = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    blocks = [
        {"type": "text", "text": "a", **point},
        {"type": "image", "source": {"type": "url", "url": "https://x"}, **point},
        {"type": "tool_result", "tool_use_id": "c1", **point},
    ]
    members = {
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "f", "input_schema": SCHEMA, **point}],
        "messages": [said(sorted(blocks, key=lambda block: block["type"] != "tool_result"))],
    }
    chat, body = read(**members), again(**members)
    assert {name: body[name] for name in members} == members
    assert chat.messages[0].parts[0].cache == Cache()
    assert chat.tools[0].cache == Cache("1h")


def test_a_cache_point_on_an_empty_text_is_listed_as_lost():
    assert written(user(Text("", Cache()), "hi"))[1] == ["cache"]


def test_what_a_cache_point_says_besides_goes_as_it_came():
    text = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "scope": "x"}}
    assert again(messages=[said([text])])["messages"] == [said([text])]


# Tools.


def test_a_tool_is_written_with_its_schema():
    body, _ = written(tools=(Tool("weather", "It rains.", SCHEMA, strict=True),))
    expected = {"name": "weather", "description": "It rains.", "input_schema": SCHEMA, "strict": True}
    assert body["tools"] == [expected]


@pytest.mark.parametrize("parameters", [None, {}])
def test_a_tool_without_parameters_takes_an_object_all_the_same(parameters):
    assert written(tools=(Tool("f", parameters=parameters),))[0]["tools"][0]["input_schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required", ("weather",)), {"type": "tool", "name": "weather"}),
    ],
)
def test_a_choice_of_tools_is_read_and_written(choice, wire):
    assert written(tools=(TOOL,), tool_choice=choice)[0]["tool_choice"] == wire
    assert read(tool_choice=wire).tool_choice == choice


def test_a_choice_among_some_tools_offers_only_those():
    tools, choice = (Tool("a"), Tool("b"), Tool("c")), ToolChoice("required", ("a", "c"))
    body, _ = written(tools=tools, tool_choice=choice)
    assert ([tool["name"] for tool in body["tools"]], body["tool_choice"]) == (["a", "c"], {"type": "any"})


def test_a_forced_tool_leaves_the_others_where_they_are():
    body, _ = written(tools=(Tool("a"), Tool("b")), tool_choice=ToolChoice("required", ("a",)))
    assert [tool["name"] for tool in body["tools"]] == ["a", "b"]


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_are_forbidden_within_the_choice(parallel):
    body, _ = written(tools=(TOOL,), parallel_tool_calls=parallel)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": not parallel}
    assert read(tool_choice=body["tool_choice"]).parallel_tool_calls is parallel


def test_without_tools_there_is_no_choice():
    body, lost = written(tool_choice=ToolChoice("auto"), parallel_tool_calls=False)
    assert ("tool_choice" in body, lost) == (False, ["tool_choice", "parallel_tool_calls"])


def test_a_tool_that_the_provider_runs_goes_as_it_came_and_to_nobody_else():
    hosted = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    assert again(tools=[hosted])["tools"] == [hosted]
    assert "web_search_20250305" in set(foreign(read(tools=[hosted]), "openai.chat"))


@pytest.mark.parametrize("tool", [{"type": "custom"}, {"defer_loading": True, "input_examples": [{}]}])
def test_what_a_tool_says_besides_goes_as_it_came(tool):
    tool = {"name": "f", "input_schema": SCHEMA, **tool}
    assert again(tools=[tool])["tools"] == [tool]


def test_a_choice_of_next_week_goes_as_it_came():
    members = {"tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "of_next_week", "x": 1}}
    assert again(**members)["tool_choice"] == members["tool_choice"]


# Everything else.


def test_max_tokens_has_a_default_because_it_is_required():
    assert written()[0]["max_tokens"] == 8192
    assert written(max_tokens=7)[0]["max_tokens"] == 7


@pytest.mark.parametrize(("asked", "said"), [(1.7, 1), (-0.5, 0)])
def test_a_temperature_is_clamped_to_1_and_that_is_listed(asked, said):
    body, lost = written(temperature=asked)
    assert (body["temperature"], lost) == (said, ["temperature"])


def test_more_than_one_answer_is_refused():
    with pytest.raises(UnsupportedFeature) as caught:
        written(n=2)
    assert caught.value.param == "n"
    assert "n" not in written(n=1)[0]


@pytest.mark.parametrize(
    "member",
    [
        {"seed": 0},
        {"presence_penalty": 0.5},
        {"frequency_penalty": 0.5},
        {"logprobs": True},
        {"top_logprobs": 2},
        {"logit_bias": {"1": 1.0}},
        {"metadata": {"a": "b"}},
        {"response_format": ResponseFormat("json")},
    ],
)
def test_what_this_dialect_has_no_word_for_is_listed_as_lost(member):
    body, lost = written(**member)
    assert lost == list(member)
    assert body == written()[0]


def test_stop_and_user_have_other_names():
    members = {"stop_sequences": ["a", "b"], "metadata": {"user_id": "u"}}
    chat, body = read(**members), again(**members)
    assert (chat.stop, chat.user) == (("a", "b"), "u")
    assert {name: body[name] for name in members} == members


def test_a_schema_of_the_answer_goes_into_output_config():
    body, lost = written(response_format=ResponseFormat("schema", SCHEMA, "answer", "A city.", True))
    schema = {"description": "A city.", **SCHEMA}
    assert (body["output_config"], lost) == ({"format": {"type": "json_schema", "schema": schema}}, [])


@pytest.mark.parametrize(
    "place", [lambda format: {"output_config": {"format": format}}, lambda f: {"output_format": f}]
)
def test_a_schema_of_the_answer_is_read_from_either_place(place):
    chat = read(**place({"type": "json_schema", "schema": SCHEMA}))
    assert chat.response_format == ResponseFormat("schema", SCHEMA)


def test_a_format_of_next_week_goes_as_it_came():
    config = {"format": {"type": "grammar", "rules": "x"}, "effort": "low", "task_budget": {"total": 5}}
    body = again(model="claude-opus-4-6", output_config=config)
    assert body["output_config"] == config


def test_members_of_the_body_that_nobody_knows_go_as_they_came():
    members = {"service_tier": "auto", "container": "c", "mcp_servers": [{}], "cache_control": {"type": "ephemeral"}}
    body = again(**members, metadata={"user_id": "u", "more": 1})
    assert {name: body[name] for name in members} == members
    assert body["metadata"] == {"user_id": "u", "more": 1}


def test_what_is_lost_has_the_clients_own_words():
    names = AnthropicMessagesClient.member_names
    assert [names[name] for name in ("stop", "reasoning", "response_format", "user", "cache")] == [
        "stop_sequences",
        "thinking",
        "output_config",
        "metadata",
        "cache_control",
    ]
