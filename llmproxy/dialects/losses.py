"""What a dialect cannot say of a chat: it is named, left out, or refused."""

from collections.abc import Iterable

from llmproxy.core.chat import Chat, Content, Other, Part, Tool, ToolResult
from llmproxy.core.errors import UnsupportedFeature


def unsaid(chat: Chat, names: Iterable[str]) -> list[str]:
    """Which of these the chat asks for: members of its own, or `name`, which is that of who speaks."""
    return [name for name in names if _asks_for(chat, name)]


def _asks_for(chat: Chat, name: str) -> bool:
    if name == "name":
        return any(message.name is not None for message in chat.messages)
    if name == "parallel_tool_calls":  # to allow them is to say nothing
        return chat.parallel_tool_calls is False
    return getattr(chat, name) not in (None, ())


def refuse_several_answers(chat: Chat) -> None:
    """For dialects that give one answer at a time.

    Raises:
        UnsupportedFeature: More than one is wanted.
    """
    if (chat.n or 1) > 1:
        raise UnsupportedFeature("This target gives one answer at a time.", param="n")


def sayable(parts: Iterable[Part], dialect: str) -> list[Part]:
    """The parts without those that another dialect's provider has made for itself; `core.chat.foreign` names them."""
    return [part for part in parts if not isinstance(part, Other) or part.dialect == dialect]


def answered(result: ToolResult, dialect: str) -> tuple[Content, ...]:
    """What a tool answered. Nothing of it may be left out: the model would take the rest for all there was.

    Raises:
        UnsupportedFeature: Some of it is what only another dialect has.
    """
    for part in result.parts:
        if isinstance(part, Other) and part.dialect != dialect:
            raise UnsupportedFeature(f"This target takes no {part.value.get('type')!r} in what a tool answers.")
    return result.parts


def note_cache(cached: Part | Tool, lost: list[str]) -> None:
    """Adds to `lost` the cache point of a part or of a tool, if it has one."""
    if getattr(cached, "cache", None) is not None:
        lost.append("cache")
