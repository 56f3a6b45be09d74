from dataclasses import replace

import pytest

from llmproxy.core.chat import Chat, Message, Other, Text, Tool, ToolChoice
from llmproxy.dialects.functions import callable_tools, offered_tools, read_tool, write_tool

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}, "strict": True},
}


def test_a_function_is_a_tool_and_back():
    tool = read_tool(WEATHER, "some.dialect")
    assert tool == Tool("weather", "Tells it.", {"type": "object"}, True)
    assert write_tool(tool, "some.dialect") == WEATHER


def test_what_else_a_tool_says_stays_with_its_own_dialect():
    said = {**WEATHER, "cost": 1, "function": {**WEATHER["function"], "examples": []}}
    tool = read_tool(said, "some.dialect")
    assert tool.extra == {"some.dialect": {"cost": 1, "function": {"examples": []}}}
    assert write_tool(tool, "some.dialect") == said
    assert write_tool(tool, "another.dialect") == WEATHER


def test_a_tool_that_is_no_function_is_the_dialects_own():
    tool = read_tool({"type": "web_search"}, "some.dialect")
    assert tool == Other("some.dialect", {"type": "web_search"})
    assert write_tool(tool, "some.dialect") == {"type": "web_search"}


@pytest.mark.parametrize("function", [{}, {"name": None}, {"name": 7}])
def test_a_function_without_a_name_is_none(function):
    with pytest.raises(TypeError):
        read_tool({"type": "function", "function": function}, "some.dialect")


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["a", "b", "web"]),
        (ToolChoice("required"), ["a", "b", "web"]),
        (ToolChoice("auto", ("b",)), ["b", "web"]),
    ],
)
def test_only_tools_that_are_named_may_be_called(choice, names):
    tools = (Tool("a"), Tool("b"), Other("some.dialect", {"name": "web"}), Other("another.dialect", {"name": "x"}))
    chat = Chat("m", (Message("user", (Text("hi"),)),), tools=tools, tool_choice=choice)
    found = callable_tools(chat, "some.dialect")
    assert [tool.name if isinstance(tool, Tool) else tool.value["name"] for tool in found] == names


def test_a_forced_tool_leaves_the_others_on_offer():
    tools = (Tool("f"), Tool("g"), Other("some.dialect", {"type": "x"}), Other("another.dialect", {"type": "y"}))
    asked = Chat("m", (Message("user", (Text("hi"),)),), tools=tools, tool_choice=ToolChoice("required", ("f",)))
    assert offered_tools(asked, "some.dialect") == list(tools[:3])
    among_some = replace(asked, tool_choice=ToolChoice("auto", ("f",)))
    assert offered_tools(among_some, "some.dialect") == [tools[0], tools[2]]
