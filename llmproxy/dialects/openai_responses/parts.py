"""The parts of a message's content and of what a tool has answered, in both directions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import Audio, Cache, Document, Image, Other, Part, Refusal, Source, Text
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.contents import as_content, read_parts, string
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.losses import note_cache

NAME = "openai.responses"

CACHE_POINT = "prompt_cache_breakpoint"


def read_content(content: Any, where: str) -> Iterator[Part]:
    """The parts of a content that is a string, a list of parts, or null."""
    return read_parts(content, where, read_part, "input_text")


def read_part(part: Mapping[str, Any]) -> Part:
    """One part of a content."""
    kind = part.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    return read(part) if read else Other(NAME, part)


def _read_text(part: Mapping[str, Any]) -> Text:
    logprobs = read_logprobs(part.get("logprobs"))
    if not isinstance(part.get("annotations"), (list, type(None))):
        raise TypeError("annotations that are none")
    return Text(string(part["text"]), _read_cache(part), None, logprobs, keep(NAME, part, ("type", "text", "logprobs")))


def _read_refusal(part: Mapping[str, Any]) -> Refusal:
    return Refusal(string(part["refusal"]), keep(NAME, part, ("type", "refusal")))


def _read_image(part: Mapping[str, Any]) -> Image:
    file_id = part.get("file_id")
    source = Source(file_id=file_id) if file_id else Source.of_url(string(part["image_url"]))
    known = ("type", "file_id", "image_url", "detail")
    return Image(source, part.get("detail"), _read_cache(part), keep(NAME, part, known))


def _read_file(part: Mapping[str, Any]) -> Document:
    if part.get("file_id"):
        source = Source(file_id=part["file_id"])
    elif part.get("file_url"):
        source = Source(url=string(part["file_url"]))
    else:
        source = Source.of_url(string(part["file_data"]))
    known = ("type", "file_id", "file_url", "file_data", "filename")
    return Document(source, part.get("filename"), None, _read_cache(part), keep(NAME, part, known))


def _read_audio(part: Mapping[str, Any]) -> Part:
    raise UnsupportedFeature("Sound cannot be put in other words from this dialect.", param="input")


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}


def _read_cache(part: Mapping[str, Any]) -> Cache | None:
    """A cache point. Its times are OpenAI's own, and mean nothing elsewhere."""
    return Cache() if part.get(CACHE_POINT) else None


def write_content(parts: Iterable[Part], lost: list[str], kind: str = "input_text") -> str | list[dict[str, Any]]:
    """Parts as content: a string where they are nothing but one text, or nothing at all.

    Args:
        kind: What a text is called: `input_text`, or `output_text` in what the assistant has said.
    """
    return as_content([_write_part(part, lost, kind) for part in parts]) or ""


def _write_part(part: Part, lost: list[str], kind: str) -> dict[str, Any]:
    if isinstance(part, Other):
        return dict(part.value)
    if CACHE_POINT not in part_members(part):
        note_cache(part, lost)
    return lay_over(_written(part, kind), {NAME: part_members(part)}, NAME)


def _written(part: Part, kind: str) -> dict[str, Any]:
    if isinstance(part, Text):
        return write_text(part, kind)
    write = _WRITERS.get(type(part))
    if write is None:
        raise UnsupportedFeature(f"In this message, the target has no place for a {type(part).__name__}.")
    return write(part)


def write_text(part: Text, kind: str) -> dict[str, Any]:
    """A text, with its probabilities if it has any."""
    return {"type": kind, "text": part.text, **given(logprobs=write_logprobs(part.logprobs) or None)}


def write_refusal(part: Refusal) -> dict[str, Any]:
    """A refusal."""
    return {"type": "refusal", "refusal": part.text}


def _write_image(part: Image) -> dict[str, Any]:
    source = part.source
    return {
        "type": "input_image",
        **given(file_id=source.file_id, image_url=None if source.file_id else source.to_url(), detail=part.detail),
    }


def _write_document(part: Document) -> dict[str, Any]:
    if part.text is not None:
        return {"type": "input_text", "text": part.text}
    source = part.source
    if source.data is None:
        return {"type": "input_file", **given(file_id=source.file_id, file_url=source.url, filename=part.name)}
    return {"type": "input_file", "filename": part.name or "document", "file_data": source.to_url()}


def _write_audio(part: Audio) -> dict[str, Any]:
    raise UnsupportedFeature("This target takes no sound.")


_WRITERS: Mapping[type[Any], Callable[[Any], dict[str, Any]]] = {
    Refusal: write_refusal,
    Image: _write_image,
    Document: _write_document,
    Audio: _write_audio,
}


def part_members(part: Part) -> Mapping[str, Any]:
    """What only this dialect says of a part itself; what it says of the whole item is under `item`."""
    return {name: value for name, value in part.extra.get(NAME, {}).items() if name != "item"}
