"""Contents that are a string or a list of parts: OpenAI had them first, then Anthropic, Mistral and Cohere."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from llmproxy.core.errors import ParseError
from llmproxy.core.shape import NONSENSE

Part = TypeVar("Part")


def read_parts(
    content: Any, where: str, read: Callable[[Mapping[str, Any]], Part], kind: str = "text"
) -> Iterator[Part]:
    """The parts of a content that is a string, a list of parts, or null.

    Args:
        where: The content's path, for errors.
        read: Reads one part.
        kind: The type of the part that a string stands for.

    Raises:
        ParseError: A part is not what its type asks for.
    """
    if not isinstance(content, (str, list, type(None))):
        raise TypeError("not a content")
    for index, said in enumerate([content] if isinstance(content, str) else content or ()):
        part = {"type": kind, "text": said} if isinstance(said, str) else said
        try:
            done = read(part)
        except NONSENSE as error:
            place = f"{where}.{index}"
            named = f"Not a part of type {part.get('type')!r}." if isinstance(part, Mapping) else "Must be an object."
            raise ParseError(f"{place}: {named}", param=place) from error
        yield done


def as_content(written: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Parts as content: a string where they are nothing but one text."""
    if len(written) == 1 and written[0].keys() == {"type", "text"}:
        text: str = written[0]["text"]
        return text
    return written


def string(value: Any) -> str:
    """`value`, which should be a string.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
