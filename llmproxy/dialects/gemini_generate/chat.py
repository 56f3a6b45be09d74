"""The body of a generateContent request, and the neutral model of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import (
    Audio,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.shape import NONSENSE
from llmproxy.dialects.extra import given, keep, kept, lay_over
from llmproxy.dialects.gemini_generate.config import is_third_generation, read_config, read_rest, write_config
from llmproxy.dialects.gemini_generate.names import NAME, camel_cased, several
from llmproxy.dialects.gemini_generate.parts import (
    MAKER,
    is_bare,
    joined,
    read_part,
    write_call,
    write_media,
    write_result,
    write_text,
    write_thought,
)
from llmproxy.dialects.gemini_generate.tools import (
    read_tool_choice,
    read_tools,
    write_tool_choice,
    write_tools,
)
from llmproxy.dialects.losses import answered, note_cache, unsaid
from llmproxy.dialects.tools import with_names

_KNOWN = ("model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "cachedContent")
_USER_ROLES = ("user", "function", "tool")

# What stands for a signature on a call that Gemini has not made
# (https://ai.google.dev/gemini-api/docs/thought-signatures#faqs).
NO_SIGNATURE = "skip_thought_signature_validator"

_NO_WORD = ("logit_bias", "user", "metadata", "parallel_tool_calls", "name")


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a generateContent request asks; its model and stream stand in its path."""
    said = camel_cased(body)
    if said.get("cachedContent"):
        raise UnsupportedFeature(
            "A part of this conversation is cached with Google, where its target cannot read it.", param="cachedContent"
        )
    config, tool_config = said.get("generationConfig") or {}, said.get("toolConfig") or {}
    rest = keep(NAME, said, _KNOWN).get(NAME, {})
    own = {
        **rest,
        "generationConfig": read_rest(config) or None,
        "toolConfig": {name: value for name, value in tool_config.items() if name != "functionCallingConfig"} or None,
    }
    return Chat(
        model="",
        messages=(*_read_system(said.get("systemInstruction")), *_read_contents(said["contents"])),
        tools=tuple(_read_tools(said.get("tools"))),
        tool_choice=read_tool_choice(tool_config.get("functionCallingConfig")),
        extra=kept(NAME, **own),
        **read_config(config),
    )


def _read_system(said: Any) -> Iterator[Message]:
    if said:
        yield Message("system", tuple(_read_parts(said, "systemInstruction")), extra=keep(NAME, said, ("parts",)))


def _read_contents(contents: Any) -> Iterator[Message]:
    """The turns. What the model said may come in as many contents as its stream had frames."""
    said: list[Part] = []
    for index, content in enumerate(several(contents)):
        where = f"contents.{index}"
        role = content.get("role") or "user"
        if role != "model" and said:
            yield Message("assistant", tuple(joined(said)))
            said = []
        if role == "model":
            said += _read_parts(content, where)
        elif role in _USER_ROLES:
            extra = keep(NAME, content, ("parts", "role") if role == "user" else ("parts",))
            yield Message("user", tuple(_read_parts(content, where)), extra=extra)
        else:
            raise ParseError(f"{where}.role: Please use a valid role: user, model.", param=f"{where}.role")
    if said:
        yield Message("assistant", tuple(joined(said)))


def _read_parts(content: Mapping[str, Any], where: str) -> Iterator[Part]:
    for index, part in enumerate(several(content.get("parts"))):
        try:
            yield from read_part(part)
        except NONSENSE as error:
            place = f"{where}.parts.{index}"
            raise ParseError(f"{place}: Not a part that can be read.", param=place) from error


def _read_tools(tools: Any) -> Iterator[Any]:
    try:
        yield from read_tools(tools)
    except NONSENSE as error:
        raise ParseError("tools: Not tools that can be read.", param="tools") from error


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said."""
    lost = unsaid(chat, _NO_WORD)
    writer = _ContentWriter(is_third_generation(chat.model), lost)
    messages = with_names(chat).messages
    choice = write_tool_choice(chat.tool_choice)
    body = {
        "contents": list(writer.contents(message for message in messages if not message.is_system)),
        **given(
            systemInstruction=writer.system(message for message in messages if message.is_system),
            tools=write_tools(chat.tools, lost) or None,
            toolConfig={"functionCallingConfig": choice} if choice else None,
            generationConfig=write_config(chat) or None,
        ),
    }
    return lay_over(body, chat.extra, NAME), lost


class _ContentWriter:
    """Writes contents for one model.

    Args:
        third: Whether it is of the third generation, which wants a signature on calls, and takes media in what tools
            answer (https://ai.google.dev/gemini-api/docs/function-calling#multimodal).
        lost: Takes the names of what cannot be said.
    """

    def __init__(self, third: bool, lost: list[str]) -> None:
        self._third = third
        self._lost = lost

    def system(self, messages: Iterable[Message]) -> dict[str, Any] | None:
        """All system messages as one instruction."""
        written: dict[str, Any] = {}
        for message in messages:
            parts = [*written.get("parts", ()), *self._parts(message.parts)]
            written = lay_over({**written, "parts": parts}, message.extra, NAME)
        return written if written.get("parts") else None

    def contents(self, messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
        """The turns; all that tools answered in one turn stands in one content."""
        results: list[Part] = []
        for message in messages:
            only_results = bool(message.parts) and all(isinstance(part, ToolResult) for part in message.parts)
            if only_results and not message.extra:
                results += message.parts
                continue
            yield from self._content(Message("user", tuple(results)))
            results = []
            yield from self._content(message)
        yield from self._content(Message("user", tuple(results)))

    def _content(self, message: Message) -> Iterator[dict[str, Any]]:
        parts = list(self._parts(message.parts))
        is_model = message.role == "assistant"
        if is_model and self._third:
            _sign_first_call(parts)
        if parts:
            yield lay_over({"role": "model" if is_model else "user", "parts": parts}, message.extra, NAME)

    def _parts(self, parts: Iterable[Part]) -> Iterator[dict[str, Any]]:
        """Parts; the signature of a thought that is nothing else goes on the part after it."""
        waiting: str | None = None
        shown: list[dict[str, Any]] = []
        for part in parts:
            if isinstance(part, Thinking):
                if is_bare(part) and NAME not in part.extra:
                    if waiting:
                        yield _signed_text(waiting)
                    waiting = write_thought(part)["thoughtSignature"]
                else:
                    yield from self._thought(part)
                continue
            for written in self._part(part, shown):
                if waiting and "thoughtSignature" not in written:
                    written["thoughtSignature"] = waiting
                elif waiting:
                    yield _signed_text(waiting)
                waiting = None
                yield written
        if waiting:
            yield _signed_text(waiting)
        yield from shown

    def _thought(self, thought: Thinking) -> Iterator[dict[str, Any]]:
        """A thought, unless another vendor has signed it, to whom alone it means something."""
        if thought.redacted or (thought.signature and thought.signature.maker != MAKER):
            self._lost.append("thinking")
        else:
            yield write_thought(thought)

    def _part(self, part: Part, shown: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """A part.

        Args:
            shown: Takes the media that a tool answered, for models that want them behind all answers.
        """
        note_cache(part, self._lost)
        if isinstance(part, ToolCall):
            yield _signed(write_call(part), part)
        elif isinstance(part, ToolResult):
            yield self._result(part, shown)
        elif isinstance(part, Other):
            if part.dialect == NAME:
                yield dict(part.value)
        elif isinstance(part, (Image, Audio, Document)):
            yield self._media(part)
        elif isinstance(part, Refusal) or (isinstance(part, Text) and (part.text or part.signature or part.extra)):
            yield _signed(write_text(part), part)

    def _result(self, result: ToolResult, shown: list[dict[str, Any]]) -> dict[str, Any]:
        for part in result.parts:
            if isinstance(part, Text):
                note_cache(part, self._lost)
        media = [
            written
            for part in answered(result, NAME)
            if not isinstance(part, Text) and not (isinstance(part, Document) and part.text is not None)
            for written in self._part(part, shown)
        ]
        if self._third:
            return write_result(result, media)
        shown += media
        return write_result(result, ())

    def _media(self, part: Image | Audio | Document) -> dict[str, Any]:
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            self._lost.append("detail")
        if isinstance(part, Document):
            if part.name and NAME not in part.extra:
                self._lost.append("name")
            if part.text is not None:
                return {"text": part.text}
        return write_media(part)


def _signed(written: dict[str, Any], part: Part) -> dict[str, Any]:
    """The part with its signature, if Google has made it."""
    signature = getattr(part, "signature", None)
    if signature is not None and signature.maker == MAKER:
        written["thoughtSignature"] = signature.value
    return written


def _signed_text(signature: str) -> dict[str, Any]:
    """Where a signature stands that belongs to no part: as in the last frame of a stream."""
    return {"text": "", "thoughtSignature": signature}


def _sign_first_call(parts: list[dict[str, Any]]) -> None:
    """A turn of these models is refused if its first call is not signed; those of other models never are."""
    call = next((part for part in parts if "functionCall" in part), None)
    if call is not None:
        call.setdefault("thoughtSignature", NO_SIGNATURE)
