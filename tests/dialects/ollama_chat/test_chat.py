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
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.ollama_chat import OllamaChatClient
from llmproxy.dialects.ollama_chat.chat import write_request

HI = Message("user", (Text("hi"),))
CALL = {"id": "call_1", "function": {"index": 0, "name": "add", "arguments": {"a": 2, "b": "ü"}}}


def read(*messages, **members):
    body = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **members}
    return OllamaChatClient().parse(json.dumps(body).encode(), RequestContext()).to_chat()


def write(*messages, **members):
    return write_request(Chat("m", messages or (HI,), **members))


# Reading.


def test_options_are_the_members_that_others_have():
    options = {"num_predict": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop": ["x"], "seed": 7}
    chat = read(options=options)
    assert (chat.max_tokens, chat.temperature, chat.top_p, chat.top_k) == (9, 0.5, 0.9, 40)
    assert (chat.stop, chat.seed, chat.extra) == (("x",), 7, {})


def test_an_option_that_only_ollama_has_travels_along():
    chat = read(options={"num_ctx": 4096, "seed": 1, "repeat_penalty": 1.1}, keep_alive="5m")
    assert chat.extra == {"ollama.chat": {"keep_alive": "5m", "options": {"num_ctx": 4096, "repeat_penalty": 1.1}}}


@pytest.mark.parametrize(
    ("think", "reasoning"),
    [
        (True, Reasoning(enabled=True)),
        (False, Reasoning(enabled=False)),
        ("low", Reasoning(effort="low")),
        (None, None),
    ],
)
def test_think_is_a_switch_or_a_level(think, reasoning):
    assert read(think=think).reasoning == reasoning


@pytest.mark.parametrize(
    ("format", "read_as"),
    [
        ("json", ResponseFormat("json")),
        ({"type": "object"}, ResponseFormat("schema", {"type": "object"})),
        ("", None),
        (None, None),
    ],
)
def test_a_format_is_a_word_or_a_schema(format, read_as):
    assert read(format=format).response_format == read_as


def test_the_arguments_of_a_call_are_an_object_and_become_a_text():
    chat = read({"role": "user", "content": "hi"}, {"role": "assistant", "content": "", "tool_calls": [CALL]})
    (call,) = chat.messages[1].parts
    assert (call.id, call.name, call.extra) == ("call_1", "add", {})
    assert json.loads(call.arguments) == {"a": 2, "b": "ü"}


def test_a_call_needs_no_id_and_no_index():
    chat = read({"role": "assistant", "tool_calls": [{"function": {"name": "now", "arguments": {}}}]})
    assert chat.messages[0].parts == (ToolCall(None, "now", "{}"),)


@pytest.mark.parametrize("member", ["tool_name", "name"])
def test_a_result_names_its_tool(member):
    chat = read({"role": "tool", member: "add", "content": "5"})
    assert chat.messages == (Message("user", (ToolResult(None, (Text("5"),), "add"),)),)


def test_a_result_may_say_which_call_it_answers():
    chat = read({"role": "tool", "tool_name": "add", "tool_call_id": "call_1", "content": "5"})
    assert chat.messages[0].parts[0].call_id == "call_1"


def test_thoughts_and_images_stand_before_the_text():
    chat = read({"role": "assistant", "content": "hi", "thinking": "hmm", "images": ["AAAA"]})
    assert chat.messages[0].parts == (Thinking("hmm"), Image(Source(None, data="AAAA")), Text("hi"))


KINDS = {
    "image/png": b"\x89PNG\r\n\x1a\n rest",
    "image/jpeg": b"\xff\xd8\xff\xe0 some rest",
    "image/gif": b"GIF89a some rest",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


@pytest.mark.parametrize("media_type", KINDS)
def test_the_media_type_of_a_bare_image_is_seen_in_its_first_bytes(media_type):
    data = base64.b64encode(KINDS[media_type]).decode()
    chat = read({"role": "user", "content": "look", "images": [data]})
    assert chat.messages[0].parts[0] == Image(Source(media_type, data=data))


@pytest.mark.parametrize("data", ["", "AAAA", "no base64!", "ü"])
def test_an_image_of_an_unknown_kind_has_no_media_type(data):
    assert read({"role": "user", "images": [data]}).messages[0].parts[0].source.media_type is None


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "robot", "content": "hi"}, "messages.0.role"),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]}, "messages.0"),
        ({"role": "user", "images": [7]}, "messages.0"),
        ({"role": "assistant", "tool_calls": ["add"]}, "messages.0"),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "messages.0"),
        ({"role": "assistant", "tool_calls": [{**CALL, "id": 7}]}, "messages.0"),
        ({"role": "assistant", "tool_calls": [{**CALL, "id": "a#llmproxy?thought=x"}]}, "messages.0"),
    ],
)
def test_a_message_that_nobody_could_understand_is_named(message, param):
    with pytest.raises(ParseError) as caught:
        read(message)
    assert caught.value.param == param


def test_a_tool_that_nobody_could_understand_is_named():
    with pytest.raises(ParseError) as caught:
        read(tools=[{"type": "function", "function": {"name": "a"}}, "add"])
    assert caught.value.param == "tools.1"


def test_a_conversation_without_messages_is_for_ollama_alone():
    with pytest.raises(UnsupportedFeature):
        OllamaChatClient().parse(b'{"model": "m", "messages": []}', RequestContext()).to_chat()


# Writing.


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_is_always_spoken_of_because_silence_means_yes(stream):
    assert write(stream=stream)[0]["stream"] is stream


def test_sampling_parameters_stand_among_the_options():
    body, lost = write(max_tokens=9, stop=("x",), top_k=3, seed=7, temperature=0, presence_penalty=1.0)
    options = {"num_predict": 9, "stop": ["x"], "top_k": 3, "seed": 7, "temperature": 0, "presence_penalty": 1.0}
    assert (body["options"], lost) == (options, [])


def test_a_call_and_its_result_are_written_with_an_object_and_the_name():
    call = ToolCall("call_1", "add", '{"a": 2}')
    result = ToolResult("call_1", (Text("5"),))
    body, lost = write(Message("assistant", (call,)), Message("user", (result,)))
    assert body["messages"] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "function": {"index": 0, "name": "add", "arguments": {"a": 2}}}],
        },
        {"role": "tool", "content": "5", "tool_name": "add", "tool_call_id": "call_1"},
    ]
    assert lost == []


def test_parallel_calls_are_counted_and_each_result_is_a_message():
    calls = Message("assistant", (ToolCall("1", "a"), ToolCall("2", "b")))
    results = Message("user", (ToolResult("1", (Text("x"),)), ToolResult("2", (Text("y"),)), Text("go on")))
    first, *rest = write(calls, results)[0]["messages"]
    assert [call["function"]["index"] for call in first["tool_calls"]] == [0, 1]
    assert [(each["role"], each.get("tool_name")) for each in rest] == [("tool", "a"), ("tool", "b"), ("user", None)]


def test_an_image_is_written_bare():
    body, lost = write(Message("user", (Text("look"), Image(Source("image/png", data="AAAA"), "low"))))
    assert body["messages"] == [{"role": "user", "content": "look", "images": ["AAAA"]}]
    assert lost == ["detail"]


@pytest.mark.parametrize(
    "part",
    [
        Image(Source(url="https://example.org/a.png")),
        Image(Source(file_id="file-1")),
        Audio(Source("audio/wav", data="AAAA")),
        Document(Source("application/pdf", data="AAAA")),
    ],
)
def test_content_that_ollama_has_no_place_for_is_refused_and_never_dropped(part):
    with pytest.raises(UnsupportedFeature):
        write(Message("user", (Text("look"), part)))
    with pytest.raises(UnsupportedFeature):
        write(Message("user", (ToolResult("1", (part,)),)))


def test_more_than_one_answer_is_refused():
    with pytest.raises(UnsupportedFeature):
        write(n=2)
    assert write(n=1)[1] == []


def test_what_was_thought_is_given_back_without_the_signature_of_another():
    thought = Thinking("hmm", Signature("x", "anthropic"))
    body, lost = write(Message("assistant", (thought, Text("hi"))))
    assert (body["messages"], lost) == ([{"role": "assistant", "content": "hi", "thinking": "hmm"}], [])


@pytest.mark.parametrize(
    "sealed", [Thinking(redacted=Signature("x", "anthropic")), Thinking("", Signature("x", "google"))]
)
def test_a_thought_that_only_its_maker_can_read_is_said_to_be_lost(sealed):
    body, lost = write(Message("assistant", (sealed, Text("hi"))))
    assert (body["messages"], lost) == ([{"role": "assistant", "content": "hi"}], ["thinking"])


@pytest.mark.parametrize(
    ("reasoning", "think"),
    [
        (Reasoning(enabled=True), True),
        (Reasoning(enabled=False), False),
        (Reasoning(effort="none"), False),
        (Reasoning(effort="minimal"), "low"),
        (Reasoning(effort="medium"), "medium"),
        (Reasoning(effort="max"), "high"),
        (Reasoning(budget=8000), "medium"),
        (Reasoning(), None),
    ],
)
def test_reasoning_is_written_as_a_switch_or_one_of_three_levels(reasoning, think):
    assert write(reasoning=reasoning)[0].get("think") == think


@pytest.mark.parametrize(
    ("format", "written"),
    [
        (ResponseFormat("json"), "json"),
        (ResponseFormat("schema", {"type": "object"}, "answer", strict=True), {"type": "object"}),
        (ResponseFormat("text"), None),
    ],
)
def test_a_response_format_is_written_as_a_word_or_a_schema(format, written):
    assert write(response_format=format)[0].get("format") == written


TOOLS = (Tool("a", "Does a.", {"type": "object"}), Tool("b"))


@pytest.mark.parametrize(
    ("choice", "names", "lost"),
    [
        (None, ["a", "b"], []),
        (ToolChoice("auto"), ["a", "b"], []),
        (ToolChoice("none"), [], []),
        (ToolChoice("auto", ("b",)), ["b"], []),
        (ToolChoice("required"), ["a", "b"], ["tool_choice"]),
        (ToolChoice("required", ("a",)), ["a"], ["tool_choice"]),
    ],
)
def test_a_choice_of_tools_is_said_by_offering_those_alone(choice, names, lost):
    body, dropped = write(tools=TOOLS, tool_choice=choice)
    assert [tool["function"]["name"] for tool in body.get("tools", [])] == names
    assert dropped == lost


@pytest.mark.parametrize(
    ("members", "lost"),
    [
        ({"logit_bias": {"1": 1.0}}, "logit_bias"),
        ({"user": "u"}, "user"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": (Tool("a", cache=Cache()),)}, "cache"),
    ],
)
def test_what_ollama_has_no_word_for_is_said_to_be_lost(members, lost):
    assert write(**members)[1] == [lost]


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        (Message("user", (Text("hi", Cache()),)), "cache"),
        (Message("user", (ToolResult("1", (Text("x"),), "a", is_error=True),)), "is_error"),
        (Message("user", (ToolResult("1", (Text("x"),), "a", cache=Cache()),)), "cache"),
        (Message("user", (Text("hi"),), name="Ann"), "name"),
    ],
)
def test_what_is_lost_within_a_message_is_said_too(message, lost):
    assert write(message)[1] == [lost]


def test_what_another_dialect_has_for_itself_is_left_out():
    part = Other("anthropic.messages", {"type": "server_tool_use"})
    body, _ = write(Message("assistant", (part, Refusal("No."))), tools=(part,))
    assert body["messages"] == [{"role": "assistant", "content": "No."}]
    assert "tools" not in body


def test_developers_are_the_system_to_ollama():
    assert write(Message("developer", (Text("Be brief."),)))[0]["messages"][0]["role"] == "system"


def test_probabilities_can_be_asked_for():
    body, lost = write(logprobs=True, top_logprobs=2)
    assert (body["logprobs"], body["top_logprobs"], lost) == (True, 2, [])


def test_a_tools_parameters_are_as_they_were():
    assert write(tools=TOOLS)[0]["tools"] == [
        {"type": "function", "function": {"name": "a", "description": "Does a.", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "b"}},
    ]
