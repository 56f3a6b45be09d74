"""The blocks of a message, in both directions: texts, images, documents, thoughts, calls of tools and their results."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import (
    Audio,
    Cache,
    Document,
    Extra,
    Image,
    Other,
    Part,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.core.sse import dumps
from llmproxy.dialects.contents import as_content, read_parts, string
from llmproxy.dialects.documents import text_of
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.tools import fitting_id

NAME = "anthropic.messages"
MAKER = "anthropic"

_PDF = "application/pdf"
_TEXT = "text/plain"


def read_content(content: Any, where: str) -> Iterator[Part]:
    """The parts of a content that is a string, a list of blocks, or null."""
    return read_parts(content, where, read_block)


def read_block(block: Mapping[str, Any]) -> Part:
    """What a block says; one of a type that only this dialect has stays as it is.

    Raises:
        LookupError, TypeError, AttributeError: It is not what its type asks for.
    """
    kind = block.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return read(block) if read else Other(NAME, block)


def _read_text(block: Mapping[str, Any]) -> Text:
    return Text(string(block["text"]), read_cache(block), extra=keep_rest(block, "type", "text"))


def _read_image(block: Mapping[str, Any]) -> Image | Other:
    source = _read_source(block["source"])
    return Image(source, None, read_cache(block), keep_rest(block, "type", "source")) if source else Other(NAME, block)


def _read_document(block: Mapping[str, Any]) -> Document | Other:
    said = block["source"]
    text = _read_text_source(said)
    source = Source(_TEXT) if text is not None else _read_source(said)
    if source is None:
        return Other(NAME, block)
    return Document(source, block.get("title"), text, read_cache(block), keep_rest(block, "type", "source", "title"))


def _read_text_source(source: Mapping[str, Any]) -> str | None:
    """The text of a document that came as text, whole or in blocks; None for any other."""
    if source["type"] == "text":
        return string(source["data"])
    if source["type"] != "content":
        return None
    parts = list(read_content(source["content"], "source.content"))
    if not all(isinstance(part, Text) for part in parts):
        raise UnsupportedFeature("A document that is made of images cannot be put in another dialect's words.")
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))


def _read_source(source: Mapping[str, Any]) -> Source | None:
    """Where content is; None for a place that only this dialect has."""
    kind = source["type"]
    if kind == "base64":
        return Source(source.get("media_type"), data=string(source["data"]))
    if kind == "url":
        return Source(url=string(source["url"]))
    if kind == "file":
        return Source(file_id=string(source["file_id"]))
    return None


def _read_call(block: Mapping[str, Any]) -> ToolCall:
    known = ("type", "id", "name", "input")
    return ToolCall(
        block["id"], block["name"], dumps(block["input"]), cache=read_cache(block), extra=keep_rest(block, *known)
    )


def _read_result(block: Mapping[str, Any]) -> ToolResult:
    parts = tuple(read_content(block.get("content"), "tool_result.content"))
    return ToolResult(
        block["tool_use_id"],
        parts,  # type: ignore[arg-type]  # whatever stands there
        is_error=block.get("is_error"),
        cache=read_cache(block),
        extra=keep_rest(block, "type", "tool_use_id", "content", "is_error"),
    )


def _read_thinking(block: Mapping[str, Any]) -> Thinking:
    signature = block.get("signature")
    signed = Signature.uncarried(signature, MAKER) if signature else None
    return Thinking(string(block["thinking"]), signed, extra=keep_rest(block, "type", "thinking", "signature"))


def _read_redacted(block: Mapping[str, Any]) -> Thinking:
    return Thinking(redacted=Signature.uncarried(block["data"], MAKER), extra=keep_rest(block, "type", "data"))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "tool_use": _read_call,
    "tool_result": _read_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
}


def keep_rest(said: Mapping[str, Any], *known: str) -> Extra:
    """The members that the model has no word for, nulls left out: the SDK sends back what it was never told."""
    members = {name: value for name, value in said.items() if value is not None}
    point = members.pop("cache_control", None)
    beside = keep(NAME, point, ("type", "ttl")) if isinstance(point, Mapping) else {}
    if beside:
        members["cache_control"] = beside[NAME]
    return keep(NAME, members, known)


def read_cache(said: Mapping[str, Any]) -> Cache | None:
    """The cache point on a block, a tool or a text of the system's."""
    point = said.get("cache_control")
    return Cache(point.get("ttl")) if isinstance(point, Mapping) else None


def write_cache(cache: Cache | None) -> dict[str, Any]:
    """The member that says a cache point; none where there is none."""
    return {"cache_control": {"type": "ephemeral", **given(ttl=cache.ttl)}} if cache else {}


def write_block(part: Part) -> dict[str, Any]:
    """The block that says a part, thoughts of any maker's included.

    Raises:
        UnsupportedFeature: There is no such block.
    """
    if isinstance(part, Other):
        return _write_other(part)
    written = _WRITERS[type(part)](part)
    return lay_over({**written, **write_cache(getattr(part, "cache", None))}, part.extra, NAME)


def _write_other(part: Other) -> dict[str, Any]:
    if part.dialect != NAME:
        raise UnsupportedFeature(f"Anthropic's messages have no block like {part.value.get('type')!r}.")
    return dict(part.value)


def _write_text(part: Text | Refusal) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _write_image(part: Image) -> dict[str, Any]:
    return {"type": "image", "source": _write_source(part.source, "image/png")}


def _write_document(part: Document) -> dict[str, Any]:
    return {"type": "document", "source": _write_document_source(part), **given(title=part.name)}


def _write_document_source(part: Document) -> dict[str, Any]:
    source = part.source
    text = text_of(part)
    if text is not None:
        return {"type": "text", "media_type": _TEXT, "data": text}
    if source.media_type not in (None, _PDF):
        raise UnsupportedFeature(f"This target reads PDF and plain text, not {source.media_type}.")
    return _write_source(source, _PDF)


def _write_source(source: Source, media_type: str) -> dict[str, Any]:
    if source.data is not None:
        return {"type": "base64", "media_type": source.media_type or media_type, "data": source.data}
    if source.url is not None:
        return {"type": "url", "url": source.url}
    return {"type": "file", "file_id": source.file_id}


def _write_audio(part: Audio) -> dict[str, Any]:
    """A spoken answer is read out; what nobody has written down cannot be."""
    if part.transcript is None:
        raise UnsupportedFeature("Anthropic's messages have no place for sound.")
    return {"type": "text", "text": part.transcript}


def _write_call(part: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.input()}


def _write_result(part: ToolResult) -> dict[str, Any]:
    blocks = [write_block(each) for each in part.parts if is_sayable(each)]
    return {
        "type": "tool_result",
        "tool_use_id": fitting_id(part.call_id or ""),
        **given(content=as_content(blocks) or None, is_error=part.is_error),
    }


def _write_thinking(part: Thinking) -> dict[str, Any]:
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.redacted.carried(MAKER)}
    signature = part.signature.carried(MAKER) if part.signature else ""
    return {"type": "thinking", "thinking": part.text, "signature": signature}


_WRITERS: Mapping[type[Any], Callable[[Any], dict[str, Any]]] = {
    Text: _write_text,
    Refusal: _write_text,
    Image: _write_image,
    Document: _write_document,
    Audio: _write_audio,
    ToolCall: _write_call,
    ToolResult: _write_result,
    Thinking: _write_thinking,
}


def is_sayable(part: Part) -> bool:
    """Whether it may be sent: a text of nothing but white space is refused."""
    return not isinstance(part, (Text, Refusal)) or bool(part.text.strip())
