"""Tools in the form in which OpenAI writes them, which others have taken over."""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.chat import Chat, Other, Tool
from llmproxy.dialects.contents import string
from llmproxy.dialects.extra import given, keep_within, lay_over

_MEMBERS = ("name", "description", "parameters", "strict")


def read_tool(tool: Mapping[str, Any], dialect: str) -> Tool | Other:
    """A tool; one that is no function is the dialect's own."""
    function = tool.get("function")
    return read_function(function, tool, dialect) if isinstance(function, Mapping) else Other(dialect, tool)


def read_function(function: Mapping[str, Any], tool: Mapping[str, Any], dialect: str) -> Tool:
    """A function, and what the tool around it says besides."""
    extra = keep_within(dialect, {**tool, "function": function}, ("type",), "function", _MEMBERS)
    name, description, parameters, strict = (function.get(member) for member in _MEMBERS)
    return Tool(string(name), description, parameters, strict, extra=extra)


def write_tool(tool: Tool | Other, dialect: str) -> dict[str, Any]:
    """A tool of the dialect's own, or a function."""
    if isinstance(tool, Other):
        return dict(tool.value)
    function = {
        "name": tool.name,
        **given(description=tool.description, parameters=tool.parameters, strict=tool.strict),
    }
    return lay_over({"type": "function", "function": function}, tool.extra, dialect)


def known_tools(chat: Chat, dialect: str) -> list[Tool | Other]:
    """The tools without those that another dialect's provider runs itself."""
    return [tool for tool in chat.tools if isinstance(tool, Tool) or tool.dialect == dialect]


def callable_tools(chat: Chat, dialect: str) -> list[Tool | Other]:
    """The tools that may be called, for dialects whose choice cannot name any."""
    names = chat.tool_choice.names if chat.tool_choice else ()
    return [tool for tool in known_tools(chat, dialect) if isinstance(tool, Other) or not names or tool.name in names]


def offered_tools(chat: Chat, dialect: str) -> list[Tool | Other]:
    """The tools that may be called, for dialects whose choice can name one, and then has all, but cannot name some."""
    forced = chat.tool_choice and chat.tool_choice.forced
    return known_tools(chat, dialect) if forced else callable_tools(chat, dialect)
