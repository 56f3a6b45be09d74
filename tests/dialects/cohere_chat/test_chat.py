import base64

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
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.cohere_chat import CohereChatProvider

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = ToolCall("c1", "weather", '{"city": "Rome"}')
WRITTEN_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}


def written(*messages, **members):
    """The body of a chat, and what it lost."""
    return CohereChatProvider().write_request(Chat("command-a", messages or (user("hi"),), **members))


def messages_of(*messages, **members):
    return written(*messages, **members)[0]["messages"]


def user(*parts):
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts):
    return Message("assistant", user(*parts).parts)


def system(*parts, role="system"):
    return Message(role, user(*parts).parts)


def text_file(text, media_type="text/plain"):
    return Document(Source(media_type, data=base64.b64encode(text.encode()).decode()), "notes.txt")


# The conversation.


def test_a_plain_question_is_a_model_and_a_message():
    expected = {"model": "command-a", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert written() == (expected, [])


def test_system_messages_come_first_and_together_since_a_later_one_is_refused():
    said = messages_of(user("hi"), system("be brief"), assistant("yes"), system("be kind", role="developer"))
    content = [{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}]
    assert said[0] == {"role": "system", "content": content}
    assert [message["role"] for message in said[1:]] == ["user", "assistant"]


def test_an_image_may_be_content_or_a_url():
    image = Image(Source("image/png", data="AAAA"), detail="low")
    content = messages_of(user("look", image, Image(Source(url="https://up.example/a.png"))))[0]["content"]
    assert content == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://up.example/a.png"}},
    ]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (Document(Source("text/plain"), "facts", "Ruby is red."), "facts\n\nRuby is red."),
        (Document(Source("text/plain"), text="Ruby is red."), "Ruby is red."),
        (text_file("Ruby ist rötlich."), "notes.txt\n\nRuby ist rötlich."),
    ],
)
def test_a_document_of_text_is_read_where_it_stands(document, text):
    content = messages_of(user("what is in it?", document))[0]["content"]
    assert content[1] == {"type": "text", "text": text}


@pytest.mark.parametrize(
    "part",
    [
        Document(Source("application/pdf", data="AAAA")),
        Document(Source("text/plain", data="/w==")),
        Document(Source("text/plain", data="A")),
        Document(Source(url="https://up.example/a.txt")),
        Audio(Source("audio/wav", data="AAAA")),
        Image(Source(file_id="file-1")),
    ],
)
def test_content_that_cohere_cannot_take_is_refused_and_never_dropped(part):
    with pytest.raises(UnsupportedFeature):
        written(user("see", part))
    with pytest.raises(UnsupportedFeature):
        written(user(ToolResult("c1", (part,))))


def test_an_image_of_the_models_own_is_refused_and_never_dropped():
    with pytest.raises(UnsupportedFeature):
        written(user("draw"), assistant(Image(Source(url="https://up.example/a.png"))))


def test_a_part_of_another_dialect_is_left_out():
    assert messages_of(user("hi", Other("anthropic.messages", {"type": "search_result"})))[0]["content"] == "hi"


def test_a_turn_that_says_nothing_is_left_out_since_cohere_refuses_it():
    assert len(messages_of(user("hi"), assistant(""), user("go on"))) == 2


def test_a_refusal_is_what_the_model_said():
    assert messages_of(user("hi"), assistant(Refusal("no")))[1]["content"] == "no"


# Thoughts.


def test_thoughts_before_a_call_are_its_plan():
    turn = messages_of(user("hi"), assistant(Thinking("I will look"), CALL))[1]
    assert turn == {"role": "assistant", "tool_plan": "I will look", "tool_calls": [WRITTEN_CALL]}


def test_thoughts_before_a_text_are_content():
    turn = messages_of(user("hi"), assistant(Thinking("hm", Signature("x", "anthropic")), "yes"))[1]
    assert turn["content"] == [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "yes"}]


def test_thoughts_that_cannot_be_read_are_lost():
    body, lost = written(user("hi"), assistant(Thinking(redacted=Signature("x", "anthropic")), "yes"))
    assert body["messages"][1] == {"role": "assistant", "content": "yes"}
    assert lost == ["thinking"]


# Calls and their results.


def test_each_result_is_a_message_of_its_own_and_comes_first():
    said = messages_of(user("go on", ToolResult("c1", (Text("sunny"),)), ToolResult("c2")))
    assert said == [
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": "go on"},
    ]


def test_a_document_that_a_tool_found_can_be_cited():
    found = ToolResult("c1", (Text("one:"), Document(Source("text/plain"), "facts", "Ruby is red.")))
    assert messages_of(user(found))[0]["content"] == [
        {"type": "text", "text": "one:"},
        {"type": "document", "document": {"data": {"title": "facts", "text": "Ruby is red."}}},
    ]


def test_an_image_that_a_tool_made_follows_in_the_users_message():
    image = Image(Source(url="https://up.example/a.png"))
    result, shown = messages_of(user(ToolResult("c1", (Text("done"), image))))
    assert result["content"] == "done"
    assert shown["content"] == [{"type": "image_url", "image_url": {"url": "https://up.example/a.png"}}]


def test_a_call_without_an_id_gets_one_that_its_result_refers_to():
    said = messages_of(user("hi"), assistant(ToolCall(None, "now")), user(ToolResult(None, name="now")))
    assert said[1]["tool_calls"][0]["id"] == said[2]["tool_call_id"]
    assert said[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_tools_are_functions_with_a_schema_even_without_parameters():
    tools = written(tools=(Tool("weather", "Of a city", SCHEMA), Tool("now")))[0]["tools"]
    assert [tool["function"] for tool in tools] == [
        {"name": "weather", "description": "Of a city", "parameters": SCHEMA},
        {"name": "now", "parameters": {"type": "object", "properties": {}}},
    ]


@pytest.mark.parametrize(("mode", "word"), [("required", "REQUIRED"), ("none", "NONE"), ("auto", None)])
def test_whether_tools_are_called_has_two_words(mode, word):
    assert written(tools=(Tool("a"),), tool_choice=ToolChoice(mode))[0].get("tool_choice") == word


@pytest.mark.parametrize(("mode", "word"), [("required", "REQUIRED"), ("auto", None)])
def test_a_tool_cannot_be_named_so_that_the_others_are_not_offered(mode, word):
    body, lost = written(tools=(Tool("a"), Tool("b")), tool_choice=ToolChoice(mode, ("b",)))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert (body.get("tool_choice"), lost) == (word, [])


@pytest.mark.parametrize(
    ("strict", "said", "expected"),
    [((True, True), True, []), ((False,), False, []), ((None,), None, []), ((True, None), None, ["strict"])],
)
def test_strictness_is_said_of_all_tools_at_once(strict, said, expected):
    body, lost = written(tools=tuple(Tool("a", strict=each) for each in strict))
    assert (body.get("strict_tools"), lost) == (said, expected)
    assert "strict" not in body["tools"][0]["function"]


# How it should be answered.


def test_sampling_has_names_of_its_own():
    body, lost = written(
        max_tokens=9, temperature=0.5, top_p=0.8, top_k=40, stop=("a", "b"), seed=7,
        presence_penalty=0.1, frequency_penalty=0.2, logprobs=True, stream=True,
    )  # fmt: skip
    assert lost == []
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == {
        "max_tokens": 9, "temperature": 0.5, "p": 0.8, "k": 40, "stop_sequences": ["a", "b"], "seed": 7,
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "logprobs": True, "stream": True,
    }  # fmt: skip


@pytest.mark.parametrize(("said", "written_p"), [(0, 0.01), (0.5, 0.5), (1, 0.99)])
def test_the_ends_of_top_p_are_the_nearest_that_cohere_takes(said, written_p):
    body, lost = written(top_p=said)
    assert (body["p"], lost) == (written_p, [])


@pytest.mark.parametrize(
    ("name", "own", "said", "nearest"),
    [
        ("frequency_penalty", "frequency_penalty", -1, 0),
        ("presence_penalty", "presence_penalty", 2, 1),
        ("top_k", "k", 1000, 500),
    ],
)
def test_a_value_beyond_coheres_range_is_the_nearest_and_named_as_lost(name, own, said, nearest):
    body, lost = written(**{name: said})
    assert (body[own], lost) == (nearest, [name])


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        (ResponseFormat("text"), {"type": "text"}),
        (ResponseFormat("json"), {"type": "json_object"}),
        (ResponseFormat("schema", SCHEMA, "answer"), {"type": "json_object", "json_schema": SCHEMA}),
    ],
)
def test_a_schema_is_a_json_object_with_a_schema(format, expected):
    assert written(response_format=format)[0]["response_format"] == expected


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        (Reasoning(enabled=True), {"type": "enabled"}),
        (Reasoning(budget=3000), {"type": "enabled", "token_budget": 3000}),
        (Reasoning(effort="low"), {"type": "enabled", "token_budget": 2048}),
        (Reasoning(effort="none"), {"type": "disabled"}),
        (Reasoning(enabled=False), {"type": "disabled"}),
        (Reasoning(visible=True), None),
    ],
)
def test_thinking_is_counted_in_tokens(reasoning, expected):
    assert written(reasoning=reasoning)[0].get("thinking") == expected


# What it has no word for.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_logprobs", 3),
        ("logit_bias", {"7": 1}),
        ("user", "u1"),
        ("metadata", {"a": "b"}),
        ("parallel_tool_calls", False),
    ],
)
def test_what_cohere_has_no_word_for_is_named_as_lost(name, value):
    assert written(**{name: value}) == (written()[0], [name])


def test_parallel_calls_are_what_cohere_does_anyway():
    assert written(parallel_tool_calls=True) == written()


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (Message("user", (Text("hi"),), name="ann"), "name"),
        (user(Text("hi", cache=Cache())), "cache"),
        (user(ToolResult("c1", cache=Cache())), "cache"),
        (user(ToolResult("c1", (Text("x", cache=Cache()),))), "cache"),
        (assistant(ToolCall("c1", "a", cache=Cache())), "cache"),
        (system(Text("hi", cache=Cache("1h"))), "cache"),
        (user(ToolResult("c1", is_error=True)), "is_error"),
    ],
)
def test_what_a_message_says_besides_is_named_as_lost(message, name):
    assert written(message)[1] == [name]


def test_a_cache_point_on_a_tool_is_named_as_lost():
    assert written(tools=(Tool("a", cache=Cache()),))[1] == ["cache"]


def test_several_answers_are_refused():
    with pytest.raises(UnsupportedFeature) as caught:
        written(n=2)
    assert caught.value.param == "n"
    assert written(n=1) == written()


def test_members_of_coheres_own_are_laid_over():
    assert written(extra={"cohere.chat": {"safety_mode": "OFF"}})[0]["safety_mode"] == "OFF"
