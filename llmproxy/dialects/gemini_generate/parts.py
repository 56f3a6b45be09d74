"""The parts of a content, in both directions: texts and thoughts, calls and what tools answered, media."""

import base64
import json
import mimetypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from llmproxy.core.chat import (
    Audio,
    Content,
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
from llmproxy.core.sse import loads
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.gemini_generate.names import NAME, several
from llmproxy.dialects.seals import sealed, unsealed

MAKER = "google"

# A signature is bytes, which the SDKs decode; so what is another maker's stands here in base64, as Google's own does.
_CARRIED = "llmproxy."
_PACKED = base64.b64encode(_CARRIED.encode()).decode()
_STANDARD_ALPHABET = str.maketrans("-_", "+/")

# Files that Google keeps: nobody else can fetch them.
_STORES = ("https://generativelanguage.googleapis.com/", "gs://")
_TYPES = mimetypes.MimeTypes()  # which, made so, reads no file of the machine's

# What a tool answered must be an object; a text or a list stands in it under the first of these names. The second is
# the word of Google's documents for the same (https://ai.google.dev/api/caching#FunctionResponse).
_RESULT = "result"
_RESULTS = (_RESULT, "output")
_ERROR = "error"

_write_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def read_part(part: Mapping[str, Any]) -> Iterator[Part]:
    """What a part says: mostly one part of ours."""
    signature = read_signature(part.get("thoughtSignature"))
    if isinstance(part.get("text"), str):
        yield _read_text(part)
    elif isinstance(part.get("functionCall"), Mapping):
        yield read_call(part, signature)
    elif isinstance(part.get("functionResponse"), Mapping):
        yield _read_result(part)
    elif not part.get("thought") and ("inlineData" in part or "fileData" in part):
        if signature:  # our media have no place for one
            yield Thinking(signature=signature)
        yield _read_media(part)
    else:
        yield Other(NAME, _kind_first(part))


def _read_text(part: Mapping[str, Any]) -> Text | Thinking:
    text, seal = part["text"], part.get("thoughtSignature")
    signature, redacted = unsealed(_unpacked(seal), MAKER) if seal else (None, None)
    extra = keep(NAME, part, ("text", "thought", "thoughtSignature"))
    if part.get("thought") or (seal and not text):
        return Thinking(text, signature, redacted, extra)
    return Text(text, signature=signature, extra=extra)


def read_call(part: Mapping[str, Any], signature: Signature | None) -> ToolCall:
    """A call of a tool."""
    call = part["functionCall"]
    arguments = _write_json(call["args"]) if call.get("args") is not None else ""
    extra = _rest(part, "functionCall", ("name", "args"))
    return ToolCall(call.get("id"), call.get("name") or "", arguments, signature, extra=extra)


def _read_result(part: Mapping[str, Any]) -> ToolResult:
    """What a tool answered; its own words are kept where ours would not lead back to them."""
    said = part["functionResponse"]
    response = said.get("response") or {}
    text, is_error = _read_response(response)
    shown = [each for item in several(said.get("parts")) for each in read_part(item)]
    parts: list[Content] = [each for each in shown if isinstance(each, (Text, Image, Audio, Document, Other))]
    known = ["name", "parts"]
    if _write_response(text, is_error) == response:
        known.append("response")
    extra = _rest(part, "functionResponse", known)
    texts = (Text(text),) if text else ()
    return ToolResult(said.get("id"), (*texts, *parts), said.get("name"), is_error, extra=extra)


def _read_response(response: Mapping[str, Any]) -> tuple[str, bool | None]:
    """What stands in the object that a tool answered, and whether that is an error."""
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name in (*_RESULTS, _ERROR):
            return value if isinstance(value, str) else _write_json(value), True if name == _ERROR else None
    return _write_json(response) if response else "", None


def _read_media(part: Mapping[str, Any]) -> Image | Audio | Document:
    """A picture, a sound, or a file to be read: a film is one."""
    name = "inlineData" if "inlineData" in part else "fileData"
    said = part[name]
    media_type = said.get("mimeType")
    if name == "inlineData":
        source = Source(media_type, data=_standard(said["data"]))
        extra = _rest(part, name, ("mimeType", "data"))
    else:
        source = _read_uri(media_type, said["fileUri"])
        extra = _rest(part, name, ("mimeType", "fileUri"))
    if (media_type or "").startswith("image/"):
        return Image(source, extra=extra)
    if (media_type or "").startswith("audio/"):
        return Audio(source, extra=extra)
    return Document(source, said.get("displayName"), extra=extra)


def _read_uri(media_type: str | None, uri: str) -> Source:
    if uri.startswith(_STORES):
        return Source(media_type, file_id=uri)
    return Source(media_type, url=uri)


def _standard(data: str) -> str:
    """Base64 in the alphabet that everybody reads: Google's own SDK writes that of URLs."""
    data = data.translate(_STANDARD_ALPHABET)
    return data + "=" * (-len(data) % 4)


def _kind_first(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part with the member first that says what it is."""
    return {name: part[name] for name in sorted(part, key=lambda name: name.startswith("thought"))}


def _rest(part: Mapping[str, Any], name: str, known: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the member `name` of a part says besides, and the part itself."""
    inner = keep(NAME, part[name], known).get(NAME)
    outer = keep(NAME, part, (name, "thoughtSignature")).get(NAME, {})
    members = {**outer, **({name: inner} if inner else {})}
    return {NAME: members} if members else {}


def read_signature(said: Any) -> Signature | None:
    """A signature, whoever made it."""
    return Signature.uncarried(_unpacked(said), MAKER) if isinstance(said, str) and said else None


def write_signature(signature: Signature) -> str:
    """A signature in the place of Google's."""
    return _packed(signature.carried(MAKER))


def _packed(text: str) -> str:
    if not text.startswith(_CARRIED):
        return text
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _unpacked(said: str) -> str:
    if not said.startswith(_PACKED):
        return said
    return base64.b64decode(_standard(said)).decode("utf-8", "replace")


def is_bare(thought: Thinking) -> bool:
    """Whether it is nothing but Google's signature: of the part after it, or of what was said before."""
    signature = thought.signature
    return not thought.text and not thought.redacted and signature is not None and signature.maker == MAKER


def write_thought(thought: Thinking) -> dict[str, Any]:
    """A thought, with its signature whoever made it; for clients, who bring it back."""
    seal = sealed(thought, MAKER)
    kind = {} if is_bare(thought) else {"thought": True}
    written = {"text": thought.text, **kind, **({"thoughtSignature": _packed(seal)} if seal else {})}
    return lay_over(written, thought.extra, NAME)


def write_call(call: ToolCall) -> dict[str, Any]:
    """A call of a tool, its signature and its id excepted: which of them belong there, differs by whom it is for."""
    return lay_over({"functionCall": {"name": call.name, "args": call.input()}}, call.extra, NAME)


def write_result(result: ToolResult, shown: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What a tool answered.

    Args:
        shown: The parts that it answered besides its text.
    """
    text = "".join(part.text or "" for part in result.parts if isinstance(part, (Text, Document)))
    own = result.extra.get(NAME, {}).get("functionResponse", {})
    response = own["response"] if "response" in own else _write_response(text, result.is_error)
    written = {"name": result.name or "", "response": response, **given(parts=list(shown) or None)}
    return lay_over({"functionResponse": written}, result.extra, NAME)


def _write_response(text: str, is_error: bool | None) -> dict[str, Any]:
    """A text as an object: what is JSON becomes what it says, so that the model sees its structure."""
    value = _structure(text)
    if is_error:
        return {_ERROR: value}
    if isinstance(value, dict) and not (len(value) == 1 and next(iter(value)) in (*_RESULTS, _ERROR)):
        return value
    return {_RESULT: value} if text else {}


def _structure(text: str) -> Any:
    """The object or the list that a text is; the text itself if it is neither."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return loads(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return text


def write_media(part: Image | Audio | Document) -> dict[str, Any]:
    """A picture, a sound or a file.

    Raises:
        UnsupportedFeature: It is in another provider's store.
    """
    return lay_over(_write_source(part.source, _FALLBACKS[type(part)]), part.extra, NAME)


_FALLBACKS = {Image: "image/jpeg", Audio: "audio/wav", Document: "application/pdf"}


def _write_source(source: Source, fallback: str) -> dict[str, Any]:
    if source.data is not None:
        return {"inlineData": {"mimeType": source.media_type or fallback, "data": source.data}}
    uri = source.url or source.file_id or ""
    if source.url is None and not uri.startswith(_STORES):
        raise UnsupportedFeature("A file in the store of another provider cannot be sent to this one.")
    media_type = source.media_type or _TYPES.guess_type(urlsplit(uri).path)[0]
    return {"fileData": {**given(mimeType=media_type), "fileUri": uri}}


def write_text(part: Text | Refusal) -> dict[str, Any]:
    """A text, its signature excepted."""
    return lay_over({"text": part.text}, part.extra, NAME)


def joined(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts of what the model has said, without the cuts of the stream it came in: pieces of one text or thought
    become one, and a text that is empty none."""
    last: Part | None = None
    for part in parts:
        if last is not None and _goes_on(last, part):
            assert isinstance(last, (Text, Thinking))
            assert isinstance(part, (Text, Thinking))
            last = replace(last, text=last.text + part.text, signature=part.signature)
            continue
        if last is not None:
            yield last
        last = part if part != Text() else None
    if last is not None:
        yield last


def _goes_on(first: Part, more: Part) -> bool:
    """Whether `more` is a further piece of `first`. A signature ends what it signs."""
    if type(first) is not type(more) or not isinstance(first, (Text, Thinking)):
        return False
    assert isinstance(more, (Text, Thinking))
    if first.signature or first.extra or more.extra:
        return False
    return not (isinstance(first, Thinking) and (first.redacted or (isinstance(more, Thinking) and more.redacted)))
