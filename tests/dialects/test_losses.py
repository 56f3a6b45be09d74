"""What a provider's dialect cannot say is named or refused, never dropped in silence: every member of the neutral
model, one at a time, in every dialect that a chat can be written in."""

import dataclasses

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
from llmproxy.dialects import PROVIDER_DIALECTS
from llmproxy.dialects.losses import unsaid

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
F, G = Tool("f", "does f", SCHEMA), Tool("g", "does g", SCHEMA)
BASE = Chat("some-model", (Message("user", (Text("hello"),)),), tools=(F, G))
CALLED = (
    Message("user", (Text("hello"),)),
    Message("assistant", (ToolCall("call_1", "f", '{"a":"b"}'),)),
    Message("user", (ToolResult("call_1", (Text("sunny"),)),)),
)


def chats():
    """Each dialect that a chat can be written in."""
    found = []
    for name in PROVIDER_DIALECTS:
        dialect = PROVIDER_DIALECTS.get(name)()
        if dialect.purpose == "chat" and name != "openai.completions":
            found.append(pytest.param(dialect, id=name))
    return found


def members(**changes):
    return dataclasses.replace(BASE, **changes)


def saying(*parts, role="user"):
    return members(messages=(*BASE.messages, Message("assistant", (Text("yes"),)), Message(role, parts)))


def answering(**changes):
    *before, last = CALLED
    result = dataclasses.replace(last.parts[0], **changes)
    return members(messages=(*before, Message("user", (result,))))


# What is asked, and the chat that it differs from by one thing alone.
CASES = {
    "tools": (BASE, members(tools=())),
    "tool_choice": (members(tool_choice=ToolChoice("required")), BASE),
    "tool_choice none": (members(tool_choice=ToolChoice("none")), BASE),
    "tool_choice of one": (members(tool_choice=ToolChoice("required", ("f",))), BASE),
    "tool_choice among some": (members(tool_choice=ToolChoice("auto", ("f",))), BASE),
    "parallel_tool_calls": (members(parallel_tool_calls=False), BASE),
    "max_tokens": (members(max_tokens=77), BASE),
    "temperature": (members(temperature=0.5), BASE),
    "top_p": (members(top_p=0.5), BASE),
    "top_k": (members(top_k=5), BASE),
    "stop": (members(stop=("END",)), BASE),
    "n": (members(n=2), BASE),
    "seed": (members(seed=5), BASE),
    "presence_penalty": (members(presence_penalty=0.5), BASE),
    "frequency_penalty": (members(frequency_penalty=0.5), BASE),
    "logprobs": (members(logprobs=True), BASE),
    "top_logprobs": (members(logprobs=True, top_logprobs=3), members(logprobs=True)),
    "logit_bias": (members(logit_bias={"5": 1}), BASE),
    "response_format json": (members(response_format=ResponseFormat("json")), BASE),
    "response_format schema": (members(response_format=ResponseFormat("schema", SCHEMA, "answer")), BASE),
    "reasoning effort": (members(reasoning=Reasoning(effort="high")), BASE),
    "reasoning budget": (members(reasoning=Reasoning(budget=4000)), BASE),
    "reasoning not to be shown": (
        members(reasoning=Reasoning(effort="high", visible=False)),
        members(reasoning=Reasoning(effort="high")),
    ),
    "reasoning switched on": (members(reasoning=Reasoning(enabled=True)), BASE),
    "reasoning switched off": (members(reasoning=Reasoning(enabled=False)), BASE),
    "user": (members(user="somebody"), BASE),
    "metadata": (members(metadata={"team": "a"}), BASE),
    "a strict tool": (members(tools=(dataclasses.replace(F, strict=True), G)), BASE),
    "a cached tool": (members(tools=(dataclasses.replace(F, cache=Cache()), G)), BASE),
    "a description": (BASE, members(tools=(dataclasses.replace(F, description=None), G))),
    "parameters": (BASE, members(tools=(dataclasses.replace(F, parameters=None), G))),
    "a system message": (members(messages=(Message("system", (Text("be brief"),)), *BASE.messages)), BASE),
    "a developer message": (members(messages=(Message("developer", (Text("be brief"),)), *BASE.messages)), BASE),
    "a text": (saying(Text("a"), Text("b")), saying(Text("a"))),
    "a cached text": (saying(Text("a", Cache()), Text("b")), saying(Text("a"), Text("b"))),
    "an image": (saying(Image(Source("image/png", data=PNG)), Text("a")), saying(Text("a"))),
    "an image by url": (saying(Image(Source(url="https://x.example/a.png")), Text("a")), saying(Text("a"))),
    "audio": (saying(Audio(Source("audio/wav", data="AAAA")), Text("a")), saying(Text("a"))),
    "a document": (saying(Document(Source("application/pdf", data="AAAA"), "a.pdf"), Text("a")), saying(Text("a"))),
    "a document by url": (saying(Document(Source(url="https://x.example/a.pdf")), Text("a")), saying(Text("a"))),
    "a plain document": (saying(Document(Source("text/plain"), "a", "words"), Text("a")), saying(Text("a"))),
    "a refusal": (saying(Text("a"), Refusal("no"), role="assistant"), saying(Text("a"), role="assistant")),
    "a thought": (saying(Thinking("hm"), Text("a"), role="assistant"), saying(Text("a"), role="assistant")),
    "a signed thought": (
        saying(Thinking("hm", Signature("c2ln", "nobody")), Text("a"), role="assistant"),
        saying(Text("a"), role="assistant"),
    ),
    "a redacted thought": (
        saying(Thinking(redacted=Signature("c2ln", "nobody")), Text("a"), role="assistant"),
        saying(Text("a"), role="assistant"),
    ),
    "a call and its result": (members(messages=CALLED), BASE),
    "what a tool answered": (members(messages=CALLED), answering(parts=(Text("rainy"),))),
    "a cached call": (
        members(
            messages=(
                CALLED[0],
                Message("assistant", (ToolCall("call_1", "f", '{"a":"b"}', cache=Cache()),)),
                CALLED[2],
            )
        ),
        members(messages=CALLED),
    ),
    "a name": (members(messages=(Message("user", (Text("hello"),), "bob"),)), BASE),
    "a tool that failed": (answering(is_error=True), answering()),
    "a picture from a tool": (
        answering(parts=(Text("sunny"), Image(Source("image/png", data=PNG)))),
        answering(parts=(Text("sunny"),)),
    ),
    "a cached result": (answering(cache=Cache()), answering()),
    "a document from a tool": (
        answering(parts=(Text("sunny"), Document(Source("application/pdf", data="AAAA"), "a.pdf"))),
        answering(parts=(Text("sunny"),)),
    ),
}


@pytest.mark.parametrize("dialect", chats())
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_dropped_in_silence(dialect, case):
    asked, without = CASES[case]
    try:
        body, lost = dialect.write_request(asked)
    except UnsupportedFeature:
        return  # said aloud
    if "reasoning" in lost and case.startswith("reasoning"):
        return  # all of it
    assert (body, lost) != dialect.write_request(without)


@pytest.mark.parametrize("dialect", chats())
@pytest.mark.parametrize("case", CASES)
def test_what_is_said_is_not_named_as_lost_besides(dialect, case):
    asked, without = CASES[case]
    try:
        _, lost = dialect.write_request(asked)
    except UnsupportedFeature:
        return
    named = [name for name in lost if name not in dialect.write_request(without)[1]]
    assert len(named) <= 1, named
    assert all(isinstance(name, str) and name for name in lost)


@pytest.mark.parametrize("dialect", chats())
def test_an_own_tool_of_another_dialect_is_left_out(dialect):
    own = Other("nobodys.dialect", {"type": "web_search"})
    assert dialect.write_request(members(tools=(F, G, own))) == dialect.write_request(BASE)


@pytest.mark.parametrize("dialect", chats())
def test_a_chat_is_not_changed_by_being_written(dialect):
    asked = members(messages=CALLED, stop=("END",), metadata={"a": "b"}, response_format=ResponseFormat("json"))
    copy = dataclasses.replace(asked)
    first = dialect.write_request(asked)
    assert (asked, dialect.write_request(asked)) == (copy, first)


@pytest.mark.parametrize("dialect", chats())
def test_what_a_tool_answered_is_never_told_in_part(dialect):
    own = Other("nobodys.dialect", {"type": "search_result"})
    with pytest.raises(UnsupportedFeature):
        dialect.write_request(answering(parts=(Text("sunny"), own)))


@pytest.mark.parametrize("dialect", chats())
@pytest.mark.parametrize("part", [Thinking("hm", Signature("c2ln", "nobody")), ToolCall("call_1", "f", "{}")])
def test_a_part_that_is_never_the_users_breaks_nothing(dialect, part):
    try:
        body, _ = dialect.write_request(saying(part, Text("a")))
    except UnsupportedFeature:
        return
    assert body


def test_only_what_is_asked_for_is_unsaid():
    names = ("seed", "stop", "logprobs", "parallel_tool_calls", "name")
    assert unsaid(members(parallel_tool_calls=True, stop=()), names) == []
    asked = members(seed=0, stop=("END",), parallel_tool_calls=False, messages=(Message("user", name="ann"),))
    assert unsaid(asked, names) == ["seed", "stop", "parallel_tool_calls", "name"]
