"""The parts of a message, which Converse calls blocks, in both directions."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmproxy.core.answer import Said
from llmproxy.core.chat import (
    Audio,
    Cache,
    Document,
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
from llmproxy.dialects.bedrock_converse.traits import Traits
from llmproxy.dialects.extra import given, keep
from llmproxy.dialects.losses import answered
from llmproxy.dialects.sources import data_of
from llmproxy.dialects.tools import fitting_id

NAME = "bedrock.converse"

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_AUDIO = {
    "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/flac": "flac",
    "audio/ogg": "ogg", "audio/opus": "opus", "audio/aac": "aac", "audio/mp4": "mp4", "audio/m4a": "m4a",
    "audio/webm": "webm", "audio/pcm": "pcm",
}  # fmt: skip
_VIDEOS = {
    "video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm",
    "video/x-flv": "flv", "video/mpeg": "mpeg", "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp",
}  # fmt: skip
_DOCUMENTS = {
    "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
    "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip

_NAME_LENGTH = 200


class BlockWriter:
    """Writes the parts of one conversation.

    Args:
        traits: What the model takes.
        lost: Takes what cannot be said, in the neutral model's words.
    """

    def __init__(self, traits: Traits, lost: list[str]) -> None:
        self.lost = lost
        self._traits = traits
        self._names: set[str] = set()
        self._writers: Mapping[type[Any], Any] = {
            Text: self._text,
            Refusal: self._text,
            Thinking: self._thinking,
            ToolCall: self._call,
            ToolResult: self._result,
            Image: self._image,
            Audio: self._audio,
            Document: self._document,
            Other: self._other,
        }

    def write(self, part: Part) -> list[dict[str, Any]]:
        """The block that says a part, and a cache point after it where there is one; nothing where nothing is said."""
        block = self._writers[type(part)](part)
        if block:
            return [block, *self.cache_point(*_caches_in(part))]
        if any(_caches_in(part)):
            self.lost.append("cache")
        return []

    def cache_point(self, *caches: Cache | None) -> Iterator[dict[str, Any]]:
        """A block of its own, up to which the prompt is kept; nothing if no cache is asked for."""
        asked = [cache for cache in caches if cache is not None]
        if asked and not self._traits.cache_points:
            self.lost.append("cache")
        elif asked:
            ttl = asked[-1].ttl if self._traits.ttl else None
            yield {"cachePoint": {"type": "default", **given(ttl=ttl)}}

    def _text(self, part: Text | Refusal) -> dict[str, Any] | None:
        """A text; Bedrock refuses one that is blank."""
        return {"text": part.text} if part.text.strip() else None

    def _thinking(self, part: Thinking) -> dict[str, Any] | None:
        """A thought that Claude has signed. No other model here takes its thoughts back."""
        if part.redacted and part.redacted.maker == "anthropic":
            return {"reasoningContent": {"redactedContent": _write_redacted(part.redacted)}}
        if part.signature and part.signature.maker == "anthropic":
            return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature.value}}}
        self.lost.append("thinking")
        return None

    def _call(self, part: ToolCall) -> dict[str, Any]:
        return {"toolUse": {"toolUseId": fitting_id(part.id or ""), "name": part.name, "input": part.input()}}

    def _result(self, part: ToolResult) -> dict[str, Any]:
        content = [self._answered(each) for each in answered(part, NAME)]
        status = None if part.is_error is None else "error" if part.is_error else "success"
        written = {"toolUseId": fitting_id(part.call_id or ""), "content": [block for block in content if block]}
        return {"toolResult": {**written, **given(status=status)}}

    def _answered(self, part: Part) -> dict[str, Any] | None:
        """What a tool answered: anything but sound."""
        if isinstance(part, Audio):
            raise UnsupportedFeature("This target takes no sound in what a tool answers.")
        block: dict[str, Any] | None = self._writers[type(part)](part)
        return block

    def _image(self, part: Image) -> dict[str, Any]:
        if part.detail is not None:
            self.lost.append("detail")
        return {"image": {"format": _format(part.source, _IMAGES, "images"), "source": _bytes(part.source, "images")}}

    def _audio(self, part: Audio) -> dict[str, Any]:
        return {"audio": {"format": _format(part.source, _AUDIO, "sound"), "source": _bytes(part.source, "sound")}}

    def _document(self, part: Document) -> dict[str, Any]:
        source = part.source
        if source.media_type in _VIDEOS:
            return {"video": {"format": _VIDEOS[source.media_type], "source": _bytes(source, "videos")}}
        if part.text is not None:
            source = Source("text/plain", data=base64.b64encode(part.text.encode("utf-8", "replace")).decode("ascii"))
        format = _format(source, _DOCUMENTS, "documents")
        return {"document": {"format": format, "name": self._name(part), "source": _bytes(source, "documents")}}

    def _name(self, part: Document) -> str:
        """A name as Bedrock takes it: of few characters, and one for each document."""
        name = re.sub(r"[^A-Za-z0-9\s()\[\]-]", "-", part.name or "")
        name = re.sub(r"\s+", " ", name).strip()[:_NAME_LENGTH] or "Document"
        number = 1
        numbered = name
        while numbered in self._names:
            number += 1
            numbered = f"{name[: _NAME_LENGTH - 8]} ({number})"
        self._names.add(numbered)
        return numbered

    def _other(self, part: Other) -> dict[str, Any] | None:
        """A block of Converse's own; what another provider made for itself is named by `core.chat.foreign`."""
        return dict(part.value) if part.dialect == NAME else None


def _caches_in(part: Part) -> Iterator[Cache | None]:
    """Where the prompt should be kept up to, by a part and by those within it: a point stands between blocks alone."""
    if isinstance(part, ToolResult):
        yield from (getattr(each, "cache", None) for each in part.parts)
    yield getattr(part, "cache", None)


def _format(source: Source, formats: Mapping[str, str], what: str) -> str:
    format = formats.get((source.media_type or "").partition(";")[0].strip().lower())
    if format is None:
        raise UnsupportedFeature(f"This target takes no {what} of type {source.media_type!r}.")
    return format


def _bytes(source: Source, what: str) -> dict[str, str]:
    return {"bytes": data_of(source, what)}


def read_block(block: Mapping[str, Any]) -> Said:
    """A part of an answer."""
    if "text" in block:
        return Text(block["text"])
    if "toolUse" in block and not is_server_call(block["toolUse"]):
        return read_call(block["toolUse"])
    if "reasoningContent" in block:
        return _read_thought(block["reasoningContent"])
    if "image" in block and "bytes" in (block["image"].get("source") or {}):
        return read_image(block["image"]["format"], block["image"]["source"]["bytes"])
    if "citationsContent" in block and block["citationsContent"].get("content"):
        return _read_cited(block["citationsContent"])
    return Other(NAME, block)


def is_server_call(call: Mapping[str, Any]) -> bool:
    """Whether the call is of a tool that the model's own side runs, as `nova_grounding`."""
    return call.get("type") == "server_tool_use"


def read_call(call: Mapping[str, Any]) -> ToolCall:
    """A call of a tool; the input of one in a stream is still to come."""
    arguments = "" if call.get("input") is None else dumps(call["input"])
    extra = keep(NAME, call, ("toolUseId", "name", "input", "type"))
    return ToolCall(call["toolUseId"], call["name"], arguments, extra=extra)


def read_image(format: str, data: str) -> Image:
    """A picture."""
    return Image(Source(f"image/{format}", data=data))


def _read_thought(said: Mapping[str, Any]) -> Thinking:
    if "redactedContent" in said:
        return Thinking(redacted=read_redacted(said["redactedContent"]))
    signature = said["reasoningText"].get("signature")
    return Thinking(said["reasoningText"]["text"], Signature(signature, "anthropic") if signature else None)


def read_redacted(data: str) -> Signature:
    """An encrypted thought. Bedrock puts Claude's own text into base64 once more, as it does with all bytes."""
    return Signature(base64.b64decode(data).decode("latin-1"), "anthropic")


def _write_redacted(thought: Signature) -> str:
    return base64.b64encode(thought.value.encode("latin-1", "replace")).decode("ascii")


def _read_cited(said: Mapping[str, Any]) -> Text:
    """A text with what it cites."""
    text = "".join(piece.get("text") or "" for piece in said["content"])
    return Text(text, extra=keep(NAME, said, ("content",)))
