"""The parts of a message's content and of what a tool has answered, in both directions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import Audio, Cache, Document, Image, Other, Part, Refusal, Source, Text
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.openai_chat.answer import read_logprobs, write_logprobs

NAME = "openai.responses"

CACHE_POINT = "prompt_cache_breakpoint"


def read_content(content: Any, where: str) -> Iterator[Part]:
    """The parts of a content that is a string, a list of parts, or null."""
    if isinstance(content, str):
        yield Text(content)
        return
    for index, part in enumerate(content or ()):
        yield read_part({"type": "input_text", "text": part} if isinstance(part, str) else part, f"{where}.{index}")


def read_part(part: Mapping[str, Any], where: str = "content") -> Part:
    """One part of a content."""
    kind = part.get("type")
    if kind == "input_audio":
        raise UnsupportedFeature("Sound cannot be put in other words from this dialect.", param=where)
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return Other(NAME, part)
    try:
        return read(part)
    except (LookupError, TypeError, AttributeError) as error:
        raise ParseError(f"{where}: Not a part of type {kind!r}.", param=where) from error


def _read_text(part: Mapping[str, Any]) -> Text:
    logprobs = read_logprobs(part.get("logprobs"))
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


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
}


def _read_cache(part: Mapping[str, Any]) -> Cache | None:
    """A cache point. Its times are OpenAI's own, and mean nothing elsewhere."""
    return Cache() if part.get(CACHE_POINT) else None


def write_content(parts: Iterable[Part], lost: list[str], kind: str = "input_text") -> str | list[dict[str, Any]]:
    """Parts as content: a string where they are nothing but one text, or nothing at all.

    Args:
        kind: What a text is called: `input_text`, or `output_text` in what the assistant has said.
    """
    written = [_write_part(part, lost, kind) for part in parts]
    if not written:
        return ""
    if len(written) == 1 and written[0].keys() == {"type", "text"}:
        text: str = written[0]["text"]
        return text
    return written


def _write_part(part: Part, lost: list[str], kind: str) -> dict[str, Any]:
    if isinstance(part, Other):
        return dict(part.value)
    if getattr(part, "cache", None) is not None and CACHE_POINT not in part_members(part):
        lost.append("cache")
    written = write_text(part, kind) if isinstance(part, Text) else _WRITERS[type(part)](part)
    return lay_over(written, {NAME: part_members(part)}, NAME)


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


def string(value: Any) -> str:
    """`value`, which should be a string.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
