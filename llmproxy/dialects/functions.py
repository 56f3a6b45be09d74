"""Tools in the form in which OpenAI writes them, which others have taken over."""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.chat import Chat, Other, Tool
from llmproxy.dialects.extra import given, keep, lay_over

_MEMBERS = ("name", "description", "parameters", "strict")


def read_tool(tool: Mapping[str, Any], dialect: str) -> Tool | Other:
    """A tool; one that is no function is the dialect's own."""
    function = tool.get("function")
    return read_function(function, tool, dialect) if isinstance(function, Mapping) else Other(dialect, tool)


def read_function(function: Mapping[str, Any], tool: Mapping[str, Any], dialect: str) -> Tool:
    """A function, and what the tool around it says besides."""
    inner = keep(dialect, function, _MEMBERS)
    outer = keep(dialect, tool, ("type", "function"))
    members = {**outer.get(dialect, {}), **({"function": inner[dialect]} if inner else {})}
    extra = {dialect: members} if members else {}
    name, description, parameters, strict = (function.get(member) for member in _MEMBERS)
    if not isinstance(name, str):
        raise TypeError("a function without a name")
    return Tool(name, description, parameters, strict, extra=extra)


def write_tool(tool: Tool | Other, dialect: str) -> dict[str, Any]:
    """A tool of the dialect's own, or a function."""
    if isinstance(tool, Other):
        return dict(tool.value)
    function = {
        "name": tool.name,
        **given(description=tool.description, parameters=tool.parameters, strict=tool.strict),
    }
    return lay_over({"type": "function", "function": function}, tool.extra, dialect)


def callable_tools(chat: Chat, dialect: str) -> list[Tool | Other]:
    """The tools that the dialect knows and that may be called, for dialects whose choice cannot name several."""
    names = chat.tool_choice.names if chat.tool_choice else ()
    return [
        tool
        for tool in chat.tools
        if (tool.dialect == dialect if isinstance(tool, Other) else not names or tool.name in names)
    ]
