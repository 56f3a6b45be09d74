"""The parts of a message, in both directions: content, thoughts, calls of tools."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import Document, Image, Other, Part, Refusal, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.contents import as_content
from llmproxy.dialects.documents import text_of
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.losses import note_cache
from llmproxy.dialects.sources import write_image

NAME = "cohere.chat"


def write_content(parts: Iterable[Part], lost: list[str], *, citable: bool = False) -> str | list[dict[str, Any]]:
    """Parts as content: a string where they are nothing but one text, or nothing at all.

    Args:
        citable: Whether documents stand among the texts, as they may in what a tool answered, or are texts themselves.
    """
    return as_content([_write_part(part, lost, citable) for part in parts]) or ""


def _write_part(part: Part, lost: list[str], citable: bool) -> dict[str, Any]:
    note_cache(part, lost)
    if isinstance(part, Other):
        return dict(part.value)
    return lay_over(_written(part, citable), part.extra, NAME)


def _written(part: Part, citable: bool) -> dict[str, Any]:
    if isinstance(part, (Text, Refusal)):
        return {"type": "text", "text": part.text}
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text}
    if isinstance(part, Image):
        return write_image(part)
    if isinstance(part, Document):
        return _write_document(part, citable)
    raise UnsupportedFeature("This target takes text and images alone.")


def _write_document(part: Document, citable: bool) -> dict[str, Any]:
    text = text_of(part)
    if text is None:
        raise UnsupportedFeature("This target takes documents only as text.")
    if citable:
        return {"type": "document", "document": {"data": given(title=part.name, text=text)}}
    return {"type": "text", "text": "\n\n".join(filter(None, (part.name, text)))}


def write_call(call: ToolCall, lost: list[str]) -> dict[str, Any]:
    """A call of a tool."""
    note_cache(call, lost)
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return lay_over({"id": call.id, "type": "function", "function": function}, call.extra, NAME)


def read_content(content: Iterable[Mapping[str, Any]] | None, logprobs: Any) -> Iterator[Text | Thinking | Other]:
    """The content of an answer. The probabilities of its tokens stand beside it and go to its first text."""
    tokens = read_logprobs(logprobs)
    for item in content or ():
        kind = item["type"]
        if kind == "thinking":
            yield Thinking(item["thinking"], extra=keep(NAME, item, ("type", "thinking")))
        elif kind != "text":
            yield Other(NAME, item)
        elif item["text"] or tokens:
            yield Text(item["text"], logprobs=tokens, extra=keep(NAME, item, ("type", "text")))
            tokens = ()


def read_call(call: Mapping[str, Any]) -> ToolCall:
    """A call of a tool; one without arguments has an empty text in their place."""
    function = call["function"]
    extra = keep(NAME, call, ("id", "type", "function"))
    return ToolCall(call.get("id"), function["name"], function.get("arguments") or "{}", extra=extra)


def read_logprobs(items: Any) -> tuple[TokenLogprob, ...]:
    """The probabilities of pieces of text, each of one token or several, whose probabilities are multiplied then."""
    return tuple(_read_logprob(item) for item in items or () if item.get("logprobs"))


def _read_logprob(item: Mapping[str, Any]) -> TokenLogprob:
    ids: list[int] = item.get("token_ids") or []
    return TokenLogprob(item.get("text") or "", sum(item["logprobs"]), token_id=ids[0] if len(ids) == 1 else None)
