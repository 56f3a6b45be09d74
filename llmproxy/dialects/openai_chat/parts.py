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
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.extra import given, keep, lay_over

NAME = "openai.chat"

AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}

# How the formats of `reasoning_details` name whose a signature is (https://openrouter.ai/docs/use-cases/reasoning-tokens).
_FORMATS = {"anthropic": "anthropic-claude-v1", "google": "google-gemini-v1", "openai": "openai-responses-v1"}
_MAKERS = {format: maker for maker, format in _FORMATS.items()}


def read_content(content: Any, where: str) -> Iterator[Part]:
    """The parts of a content that is a string, a list of parts, or null."""
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(content or ()):
        yield _read_part({"type": "text", "text": part} if isinstance(part, str) else part, f"{where}.{index}")


def _read_part(part: Mapping[str, Any], where: str) -> Part:
    kind = part.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return Other(NAME, part)
    try:
        return read(part)
    except (LookupError, TypeError, AttributeError) as error:
        raise ParseError(f"{where}: Not a part of type {kind!r}.", param=where) from error


def _read_text(part: Mapping[str, Any]) -> Text:
    return Text(_text(part["text"]), read_cache(part), extra=keep(NAME, part, ("type", "text")))


def _read_image(part: Mapping[str, Any]) -> Image:
    image = part["image_url"]
    image = {"url": image} if isinstance(image, str) else image
    extra = keep(NAME, part, ("type", "image_url"))
    return Image(Source.of_url(_text(image["url"])), image.get("detail"), read_cache(part), extra)


def _read_audio(part: Mapping[str, Any]) -> Audio:
    audio = part["input_audio"]
    media_type = AUDIO_TYPES.get(audio["format"], f"audio/{audio['format']}")
    return Audio(Source(media_type, data=_text(audio["data"])), extra=keep(NAME, part, ("type", "input_audio")))


def _read_file(part: Mapping[str, Any]) -> Document:
    file = part["file"]
    if file.get("file_id") is not None:
        source = Source(file_id=file["file_id"])
    else:
        source = Source.of_url(_text(file["file_data"]))
    return Document(source, file.get("filename"), None, read_cache(part), keep(NAME, part, ("type", "file")))


def _read_refusal(part: Mapping[str, Any]) -> Refusal:
    return Refusal(_text(part["refusal"]), keep(NAME, part, ("type", "refusal")))


def _read_thinking(part: Mapping[str, Any]) -> Thinking:
    """Mistral's part: a list of texts."""
    thoughts = part["thinking"]
    text = thoughts if isinstance(thoughts, str) else "".join(_text(each["text"]) for each in thoughts)
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


def note_cache(cached: Part | Tool, lost: list[str]) -> None:
    """Names a cache point that OpenAI has no place for, unless the client itself had put it there."""
    if getattr(cached, "cache", None) is not None and "cache_control" not in cached.extra.get(NAME, {}):
        lost.append("cache")


def write_content(parts: Iterable[Part], lost: list[str]) -> str | list[dict[str, Any]] | None:
    """Parts as content: a string where they are nothing but one text, null where there are none."""
    written = [_write_part(part, lost) for part in parts]
    if not written:
        return None
    if len(written) == 1 and written[0].keys() == {"type", "text"}:
        text: str = written[0]["text"]
        return text
    return written


def _write_part(part: Part, lost: list[str]) -> dict[str, Any]:
    note_cache(part, lost)
    if isinstance(part, Other):
        if part.dialect != NAME:
            raise UnsupportedFeature(f"OpenAI's chat completions have no part like {part.value.get('type')!r}.")
        return dict(part.value)
    return lay_over(_WRITERS[type(part)](part), part.extra, NAME)


def _write_text(part: Text) -> dict[str, Any]:
    return {"type": "text", "text": part.text}


def _write_image(part: Image) -> dict[str, Any]:
    url = part.source.to_url()
    if url is None:
        raise UnsupportedFeature("An image in the store of another provider cannot be sent to this one.")
    return {"type": "image_url", "image_url": given(url=url, detail=part.detail)}


def _write_audio(part: Audio) -> dict[str, Any]:
    if part.source.data is None:
        raise UnsupportedFeature("This target takes sound only with the request itself.")
    media_type = part.source.media_type or "audio/wav"
    formats = {kind: name for name, kind in AUDIO_TYPES.items()}
    name = formats.get(media_type, media_type.partition("/")[2])
    return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": name}}


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


_WRITERS: Mapping[type[Any], Any] = {
    Text: _write_text,
    Image: _write_image,
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
        return Thinking(redacted=Signature(_text(detail["data"]), maker), extra=extra)
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
        _text(function["name"]),
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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
