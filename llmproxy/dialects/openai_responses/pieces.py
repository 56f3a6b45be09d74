"""What a writer remembers of a response that it is writing: its items, and the parts that they are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmproxy.core.chat import Refusal, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.sse import dumps
from llmproxy.dialects.openai_responses.items import ItemPart, belongs
from llmproxy.dialects.openai_responses.parts import NAME

_UNSAID: dict[str, dict[str, Any]] = {
    "message": {"content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "image_generation_call": {"result": None, "status": "in_progress"},
}
_OF_THE_MODEL = ("message", "reasoning", "function_call")


def with_status(item: dict[str, Any], status: str) -> dict[str, Any]:
    """An item with its status, if it has one and the model wrote it: of what tools do, only they know how far it is."""
    return {**item, "status": status} if item.get("type") in _OF_THE_MODEL and "status" in item else item


def announced(item: dict[str, Any]) -> dict[str, Any]:
    """An item of which nothing has been said yet."""
    return with_status({**item, **_UNSAID.get(str(item.get("type")), {})}, "in_progress")


class Item:
    """An item that is being written.

    Attributes:
        place: Where it stands in the output.
        value: The item as far as it was said.
        pieces: Its parts.
        done: Whether it is whole.
    """

    __slots__ = ("done", "pieces", "place", "value")

    def __init__(self, place: int, value: dict[str, Any]) -> None:
        self.place = place
        self.value = value
        self.pieces: list[Piece] = []
        self.done = False

    @property
    def is_open(self) -> bool:
        """Whether a part of it is not whole."""
        return any(piece.is_open for piece in self.pieces)

    def takes(self, part: ItemPart) -> bool:
        """Whether a part that comes next belongs to it."""
        return not self.done and bool(self.pieces) and belongs(part, self.pieces[-1].part)


class Piece:
    """A part that is being written.

    Attributes:
        part: What was known of it when it began.
        item: Where it stands.
        texts, logprobs, annotations: What came since.
        is_open: Whether more may come.
        begun: Whether its beginning was said.
        said: What its events are about; empty for a part that comes in one piece.
        frame: What its first and last events are about; empty for one that has none.
        at: The members that say where it stands.
        kind, before, after: The type of an event with more of its text, and what stands there around number and text.
    """

    __slots__ = (
        "_index", "after", "annotations", "at", "before", "begun", "frame", "is_open", "item", "kind", "logprobs",
        "part", "said", "texts",
    )  # fmt: skip

    def __init__(self, part: ItemPart, item: Item) -> None:
        self.part = emptied(part)
        self.item = item
        self.texts: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.annotations: list[Any] = []
        self.is_open = True
        self.begun = False
        self.said, self.frame, self._index = _names(part)
        self.kind = f"{self.said}.delta"
        self.at: dict[str, Any] = {}
        self.before = self.after = ""
        item.pieces.append(self)

    def begin(self) -> None:
        """Its first event is said: from here on its place is known."""
        self.at = {"item_id": self.item.value.get("id"), "output_index": self.item.place}
        if self._index:
            self.at[self._index] = sum(piece.begun and piece._index == self._index for piece in self.item.pieces)
        self.begun = True
        self.before = dumps({"type": self.kind, **self.at, "sequence_number": 0})[:-2]
        self.after = ',"logprobs":[]}' if isinstance(self.part, Text) else "}"

    @property
    def is_last(self) -> bool:
        """Whether its item is whole when it is. A signature is the last of a thought."""
        part = self.part
        return isinstance(part, ToolCall) or (isinstance(part, Thinking) and bool(part.signature or part.redacted))

    def whole(self) -> ItemPart:
        """The part with all that came since it began."""
        part, text = self.part, "".join(self.texts)
        if isinstance(part, ToolCall):
            return replace(part, arguments=text)
        if isinstance(part, Text):
            part = replace(part, text=text, logprobs=tuple(self.logprobs))
            return self._annotated(part) if self.annotations else part
        return replace(part, text=text) if isinstance(part, (Refusal, Thinking)) else part

    def _annotated(self, part: Text) -> Text:
        own = part.extra.get(NAME, {})
        annotations = [*(own.get("annotations") or ()), *self.annotations]
        return replace(part, extra={**part.extra, NAME: {**own, "annotations": annotations}})


def emptied(part: ItemPart) -> ItemPart:
    """A part without its text."""
    if isinstance(part, ToolCall):
        return replace(part, arguments="")
    if isinstance(part, Text):
        return replace(part, text="", logprobs=())
    return replace(part, text="") if isinstance(part, (Refusal, Thinking)) else part


def text_in(part: ItemPart) -> str:
    """The text of a part, or the arguments of a call."""
    if isinstance(part, ToolCall):
        return part.arguments
    return part.text if isinstance(part, (Text, Refusal, Thinking)) else ""


def _names(part: ItemPart) -> tuple[str, str, str]:
    """What a part's events are about, what its first and last are about, and the member that counts it in its item."""
    if isinstance(part, Text):
        return "response.output_text", "response.content_part", "content_index"
    if isinstance(part, Refusal):
        return "response.refusal", "response.content_part", "content_index"
    if isinstance(part, ToolCall):
        return "response.function_call_arguments", "", ""
    if not isinstance(part, Thinking):
        return "", "", ""
    if part.extra.get(NAME, {}).get("type") == "reasoning_text":
        return "response.reasoning_text", "response.content_part", "content_index"
    return "response.reasoning_summary_text", "response.reasoning_summary_part", "summary_index"
