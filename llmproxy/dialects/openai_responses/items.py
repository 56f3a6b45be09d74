"""What an assistant says comes in items: messages, reasoning, calls, and what OpenAI has done by itself.

An item may hold several parts of the neutral model, all of them texts or all of them thoughts. What is said of the item
itself goes with the first of them, under `item`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from llmproxy.core.chat import Extra, Image, Other, Part, Refusal, Source, Text, Thinking, ToolCall
from llmproxy.dialects.contents import string
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.openai_responses.parts import NAME, part_members, read_content
from llmproxy.dialects.seals import sealed, unsealed

MAKER = "openai"

ItemPart: TypeAlias = Text | Refusal | Thinking | ToolCall | Image | Other
"""A part that can stand in an item."""


def read_item(item: Mapping[str, Any]) -> Sequence[ItemPart]:
    """The parts that an item stands for; one that says nothing in the model's words stays as it is.

    Raises:
        LookupError, TypeError, AttributeError: It is no such item.
    """
    read = _READERS.get(item.get("type") or "message")
    return (read(item) if read else ()) or (Other(NAME, item),)


def _read_message(item: Mapping[str, Any]) -> Sequence[ItemPart]:
    parts = [part for part in read_content(item.get("content"), "content") if isinstance(part, (Text, Refusal))]
    if not parts or (isinstance(item["content"], list) and len(parts) < len(item["content"])):
        return ()
    return with_item(parts, members_of(item))


def _read_reasoning(item: Mapping[str, Any]) -> Sequence[ItemPart]:
    said = [*(item.get("summary") or ()), *(item.get("content") or ())]
    thoughts = [read_thought(each) for each in said]
    encrypted = item.get("encrypted_content")
    if encrypted:
        thoughts = [*thoughts[:-1], _signed(thoughts[-1] if thoughts else Thinking(), string(encrypted))]
    return with_item(thoughts, members_of(item, *(("content",) if item.get("content") else ())))


def _signed(thought: Thinking, encrypted: str) -> Thinking:
    """A thought with what its provider wants back: of OpenAI's nothing can be read where there is no summary."""
    signature, redacted = unsealed(encrypted, MAKER)
    if not thought.text and signature and signature.maker == MAKER:
        return replace(thought, redacted=signature)
    return replace(thought, signature=signature, redacted=redacted)


def read_thought(said: Mapping[str, Any]) -> Thinking:
    """A part of a summary, or of the reasoning itself, which says so by its type."""
    known = ("text", "type") if said.get("type") == "summary_text" else ("text",)
    return Thinking(string(said["text"]), extra=keep(NAME, said, known))


def _read_call(item: Mapping[str, Any]) -> Sequence[ItemPart]:
    arguments = item.get("arguments")
    extra = keep(NAME, item, ("type", "call_id", "name", "arguments"))
    return (ToolCall(item.get("call_id"), string(item["name"]), arguments or "", extra=extra),)


def _read_image(item: Mapping[str, Any]) -> Sequence[ItemPart]:
    if not item.get("result"):
        return ()
    source = Source(f"image/{item.get('output_format') or 'png'}", data=string(item["result"]))
    return (Image(source, extra=keep(NAME, item, ("type", "result"))),)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Sequence[ItemPart]]] = {
    "message": _read_message,
    "reasoning": _read_reasoning,
    "function_call": _read_call,
    "image_generation_call": _read_image,
}


def members_of(item: Mapping[str, Any], *known: str) -> Extra:
    """What is said of a message or of a reasoning item besides its parts."""
    if item.get("type") == "reasoning":
        return keep(NAME, item, ("type", "summary", "encrypted_content", *known))
    return keep(NAME, item, ("role", "content"))


def with_item(parts: Sequence[ItemPart], members: Extra) -> Sequence[ItemPart]:
    """The parts of one item, the first of which knows what was said of the item itself."""
    if not parts or not members:
        return parts
    first: Any = parts[0]
    extra = {NAME: {**first.extra.get(NAME, {}), "item": members[NAME]}}
    return (replace(first, extra=extra), *parts[1:])


def item_members(part: ItemPart) -> Mapping[str, Any]:
    """What only this dialect says of the item that begins with this part."""
    own = part.extra.get(NAME, {})
    members: Mapping[str, Any] = own.get("item", {}) if isinstance(part, (Text, Refusal, Thinking)) else own
    return members


def in_items(parts: Iterable[ItemPart]) -> Iterator[list[ItemPart]]:
    """The parts of each item."""
    item: list[ItemPart] = []
    for part in parts:
        if item and not belongs(part, item[-1]):
            yield item
            item = []
        item.append(part)
    if item:
        yield item


def belongs(part: Part, before: Part) -> bool:
    """Whether a part stands in the same item as the one before it.

    A signature is the last of a thought; one without a text is that of the part after it, and stands alone.
    """
    if "item" in part.extra.get(NAME, {}):
        return False
    if isinstance(part, Thinking):
        alone = part.redacted or (part.signature and not part.text)
        return isinstance(before, Thinking) and not (before.signature or before.redacted or alone)
    return isinstance(part, (Text, Refusal)) and isinstance(before, (Text, Refusal))


def write_reasoning(thoughts: Iterable[ItemPart]) -> dict[str, Any]:
    """The item of these thoughts: what can be read of them, and what their provider wants back."""
    thinking = [thought for thought in thoughts if isinstance(thought, Thinking)]
    said = [write_thought(thought) for thought in thinking if thought.text]
    return {
        "type": "reasoning",
        "summary": [each for each in said if each["type"] == "summary_text"],
        **given(
            content=[each for each in said if each["type"] != "summary_text"] or None,
            encrypted_content=sealed(thinking[-1], MAKER),
        ),
    }


def write_thought(thought: Thinking) -> dict[str, Any]:
    """A part of a summary, or of the reasoning itself."""
    return lay_over({"type": "summary_text", "text": thought.text}, {NAME: part_members(thought)}, NAME)


def write_call(call: ToolCall, id: str) -> dict[str, Any]:
    """The item of a call; `id` is what its result refers to."""
    return {"type": "function_call", "call_id": id, "name": call.name, "arguments": call.arguments or "{}"}


def write_image(image: Image) -> dict[str, Any]:
    """The item of a picture that was made."""
    return {"type": "image_generation_call", "status": "completed", "result": image.source.data}
