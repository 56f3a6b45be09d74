import pytest

from llmproxy.core.chat import Image, Message, Other, Source, Text, ToolCall, ToolResult
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.turns import in_turns, instructions

NAME = "some.dialect"


def write(part):
    if isinstance(part, Text):
        return [{"text": part.text}] if part.text else []
    return [{"result": part.call_id}, {"cache": True}] if isinstance(part, ToolResult) else [{"call": part.id}]


def turns(*messages):
    return in_turns(messages, write, NAME)


def test_neighbours_of_one_role_are_one_turn():
    said = turns(Message("user", (Text("a"),)), Message("user", (Text("b"),)), Message("assistant", (Text("c"),)))
    assert said == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}]},
    ]


def test_a_turn_that_says_nothing_does_not_part_its_neighbours():
    said = turns(Message("user", (Text("a"),)), Message("assistant"), Message("user", (Text("b"),)))
    assert [turn["role"] for turn in said] == ["user"]


def test_what_tools_answered_comes_first_with_all_that_belongs_to_it():
    (turn,) = turns(Message("user", (Text("a"),)), Message("user", (ToolResult("1"), Text("b"), ToolResult("2"))))
    cache = {"cache": True}
    assert turn["content"] == [{"result": "1"}, cache, {"result": "2"}, cache, {"text": "a"}, {"text": "b"}]


def test_only_the_beginning_of_an_answer_loses_its_last_white_space():
    earlier, _, last = turns(
        Message("assistant", (Text("a "),)), Message("user", (Text("b "),)), Message("assistant", (Text("c "),))
    )
    assert (earlier["content"], last["content"]) == ([{"text": "a "}], [{"text": "c"}])
    assert turns(Message("assistant", (ToolCall("1"),))) == [{"role": "assistant", "content": [{"call": "1"}]}]


def test_what_only_the_dialect_says_of_a_message_stays_with_its_turn():
    (turn,) = turns(Message("user", (Text("a"),), extra={NAME: {"x": 1}, "other": {"y": 2}}))
    assert turn == {"role": "user", "x": 1, "content": [{"text": "a"}]}


def test_instructions_are_texts_in_their_order():
    said = [Message("system", (Text("a"),)), Message("developer", (Text("b"), Other(NAME, {"guard": 1})))]
    assert instructions(said, NAME) == [Text("a"), Text("b"), Other(NAME, {"guard": 1})]


@pytest.mark.parametrize("part", [Image(Source(data="AAAA")), Other("another.dialect", {"type": "x"})])
def test_instructions_of_another_kind_are_refused(part):
    with pytest.raises(UnsupportedFeature):
        instructions([Message("system", (part,))], NAME)
