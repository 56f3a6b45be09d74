"""The parts of a message, in both directions: content, thoughts, calls of tools."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

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
    Tool,
    ToolCall,
)
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.contents import as_content, read_parts, string
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.losses import note_cache
from llmproxy.dialects.sources import data_of, write_image

NAME = "openai.chat"

AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}

# How the formats of `reasoning_details` name whose a signature is (https://openrouter.ai/docs/use-cases/reasoning-tokens).
_FORMATS = {"anthropic": "anthropic-claude-v1", "google": "google-gemini-v1", "openai": "openai-responses-v1"}
_MAKERS = {format: maker for maker, format in _FORMATS.items()}


def read_content(content: Any, where: str) -> Iterator[Part]:
    """The parts of a content that is a string, a list of parts, or null."""
    return read_parts(content, where, _read_part)


def _read_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return read(part) if read else Other(NAME, part)


def _read_text(part: Mapping[str, Any]) -> Text:
    return Text(string(part["text"]), read_cache(part), extra=keep(NAME, part, ("type", "text")))


def _read_image(part: Mapping[str, Any]) -> Image:
    image = part["image_url"]
    image = {"url": image} if isinstance(image, str) else image
    extra = keep(NAME, part, ("type", "image_url"))
    return Image(Source.of_url(string(image["url"])), image.get("detail"), read_cache(part), extra)


def _read_audio(part: Mapping[str, Any]) -> Audio:
    audio = part["input_audio"]
    media_type = AUDIO_TYPES.get(audio["format"], f"audio/{audio['format']}")
    return Audio(Source(media_type, data=string(audio["data"])), extra=keep(NAME, part, ("type", "input_audio")))


def _read_file(part: Mapping[str, Any]) -> Document:
    file = part["file"]
    if file.get("file_id") is not None:
        source = Source(file_id=file["file_id"])
    else:
        source = Source.of_url(string(file["file_data"]))
    return Document(source, file.get("filename"), None, read_cache(part), keep(NAME, part, ("type", "file")))


def _read_refusal(part: Mapping[str, Any]) -> Refusal:
    return Refusal(string(part["refusal"]), keep(NAME, part, ("type", "refusal")))


def _read_thinking(part: Mapping[str, Any]) -> Thinking:
    """Mistral's part: a list of texts."""
    thoughts = part["thinking"]
    text = thoughts if isinstance(thoughts, str) else "".join(string(each["text"]) for each in thoughts)
    return Thinking(text, extra=keep(NAME, part, ("type", "thinking")))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "text": _read_text,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
}


def read_cache(part: Mapping[str, Any]) -> Cache | None:
    """A cache point, which OpenAI itself does not have and hosts of others' models take from here."""
    point = part.get("cache_control")
    return Cache(point.get("ttl")) if isinstance(point, Mapping) else None


def note_foreign_cache(cached: Part | Tool, lost: list[str]) -> None:
    """Names a cache point that OpenAI has no place for, unless the client itself had put it there."""
    if "cache_control" not in cached.extra.get(NAME, {}):
        note_cache(cached, lost)


def write_content(parts: Iterable[Part], lost: list[str]) -> str | list[dict[str, Any]] | None:
    """Parts as content: a string where they are nothing but one text, null where there are none."""
    return as_content([_write_part(part, lost) for part in parts]) or None


def _write_part(part: Part, lost: list[str]) -> dict[str, Any]:
    note_foreign_cache(part, lost)
    if isinstance(part, Other):
        return dict(part.value)
    write = _WRITERS.get(type(part))
    if write is None:
        raise UnsupportedFeature(f"In this message, the target has no place for a {type(part).__name__}.")
    return lay_over(write(part), part.extra, NAME)


def _write_text(part: Text) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _write_audio(part: Audio) -> dict[str, Any]:
    data = data_of(part.source, "sound")
    media_type = part.source.media_type or "audio/wav"
    formats = {kind: name for name, kind in AUDIO_TYPES.items()}
    name = formats.get(media_type, media_type.partition("/")[2])
    return {"type": "input_audio", "input_audio": {"data": data, "format": name}}


def _write_document(part: Document) -> dict[str, Any]:
    if part.text is not None:
        return {"type": "text", "text": part.text}
    source = part.source
    if source.url is not None:
        raise UnsupportedFeature("This target takes documents only with the request itself, not by URL.")
    data = None if source.file_id else source.to_url()
    name = part.name or (None if source.file_id else "document")
    return {"type": "file", "file": given(file_id=source.file_id, file_data=data, filename=name)}


def _write_refusal(part: Refusal) -> dict[str, Any]:
    return {"type": "refusal", "refusal": part.text}


_WRITERS: Mapping[type[Any], Callable[[Any], dict[str, Any]]] = {
    Text: _write_text,
    Image: write_image,
    Audio: _write_audio,
    Document: _write_document,
    Refusal: _write_refusal,
}


THOUGHTS = ("reasoning_content", "reasoning")
THOUGHT_MEMBERS = (*THOUGHTS, "reasoning_details")


def read_thoughts(message: Mapping[str, Any]) -> Iterator[Thinking]:
    """The thoughts of a message, in whichever of the members that hosts use for them.

    Details of one index are pieces of one thought, as they came in a stream.
    """
    thoughts: dict[Hashable, Thinking] = {}
    for key, piece in read_pieces(message):
        first = thoughts.get(key)
        thoughts[key] = piece if first is None else _joined(first, piece)
    yield from thoughts.values()


def read_pieces(message: Mapping[str, Any]) -> Iterator[tuple[Hashable, Thinking]]:
    """The thoughts of a message or of a delta in pieces, each with a key of the thought it belongs to."""
    details = message.get("reasoning_details")
    if isinstance(details, list) and details:
        for number, detail in enumerate(details):
            if isinstance(detail, Mapping):
                yield (detail.get("type"), detail.get("index", number)), _read_detail(detail)
        return
    for member in THOUGHTS:
        text = message.get(member)
        if isinstance(text, str) and text:
            yield member, Thinking(text)
            return


def _joined(first: Thinking, more: Thinking) -> Thinking:
    return replace(first, text=first.text + more.text, signature=more.signature or first.signature)


def _read_detail(detail: Mapping[str, Any]) -> Thinking:
    maker = _MAKERS.get(detail.get("format") or "", "")
    extra = keep(NAME, detail, ("type", "text", "summary", "data", "signature", "format", "index"))
    if detail.get("type") == "reasoning.encrypted":
        return Thinking(redacted=Signature(string(detail["data"]), maker), extra=extra)
    text = detail.get("text") or detail.get("summary") or ""
    signature = detail.get("signature")
    return Thinking(text, Signature(signature, maker) if signature else None, extra=extra)


def write_thoughts(thoughts: Iterable[Thinking]) -> dict[str, Any]:
    """The members of a message for its thoughts; details only where there is more to them than their text."""
    thoughts = list(thoughts)
    written: dict[str, Any] = {}
    text = "".join(thought.text for thought in thoughts)
    if text:
        written["reasoning_content"] = text
    if any(thought.signature or thought.redacted or thought.extra.get(NAME) for thought in thoughts):
        written["reasoning_details"] = [write_detail(thought, index) for index, thought in enumerate(thoughts)]
    return written


def write_detail(thought: Thinking, index: int) -> dict[str, Any]:
    """A thought with what its provider wants back."""
    signature = thought.redacted or thought.signature
    format = _FORMATS.get(signature.maker) if signature else None
    if thought.redacted:
        detail = {"type": "reasoning.encrypted", "data": thought.redacted.value}
    else:
        detail = {"type": "reasoning.text", "text": thought.text}
        if thought.signature:
            detail["signature"] = thought.signature.value
    return lay_over({**detail, **given(format=format), "index": index}, thought.extra, NAME)


def read_call(call: Mapping[str, Any]) -> ToolCall | Other:
    """A call of a tool, whole."""
    function = call.get("function")
    if not isinstance(function, Mapping):
        return Other(NAME, call)
    arguments = function.get("arguments")
    return ToolCall(
        call.get("id"),
        string(function["name"]),
        arguments if isinstance(arguments, str) else "",
        read_call_signature(call),
        extra=keep(NAME, call, ("id", "type", "function", "extra_content")),
    )


def read_call_signature(call: Mapping[str, Any]) -> Signature | None:
    """The signature that Gemini wants back with a call, where its own compatible endpoint puts it
    (https://ai.google.dev/gemini-api/docs/thought-signatures)."""
    google = (call.get("extra_content") or {}).get("google") or {}
    value = google.get("thought_signature")
    return Signature.uncarried(value, "google") if isinstance(value, str) else None


def write_call(call: ToolCall, id: str | None) -> dict[str, Any]:
    """A call of a tool, whole."""
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    written = {**given(id=id), "type": "function", "function": function, **write_call_signature(call)}
    return lay_over(written, call.extra, NAME)


def write_call_signature(call: ToolCall) -> dict[str, Any]:
    """The member that carries a call's signature; none where there is none."""
    if call.signature is None:
        return {}
    return {"extra_content": {"google": {"thought_signature": call.signature.carried("google")}}}
