"""A whole chat completion, and the neutral model of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import Audio, Extra, Image, Other, Refusal, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.extra import given, keep, keep_within, kept, lay_over
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.openai import read_usage
from llmproxy.dialects.openai_chat.parts import (
    NAME,
    THOUGHT_MEMBERS,
    read_call,
    read_content,
    read_thoughts,
    write_call,
    write_thoughts,
)
from llmproxy.dialects.tools import made_id

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",  # OpenRouter and Mistral
}


def read_answer(body: Any) -> Answer:
    """What a chat completion says."""
    choices = sorted(body["choices"], key=lambda choice: choice.get("index") or 0)
    return Answer(
        tuple(_read_choice(choice) for choice in choices),
        read_usage(NAME, body.get("usage")) or Usage(),
        body.get("id"),
        body.get("model"),
        extra=keep(NAME, body, ("choices", "usage")),
    )


def _read_choice(choice: Mapping[str, Any]) -> Choice:
    message = choice["message"]
    logprobs = choice.get("logprobs") or {}
    parts = list(_read_said(message, read_logprobs(logprobs.get("content"))))
    reason, own = read_reason(choice.get("finish_reason"))
    rest = {name: value for name, value in choice.items() if name not in _CHOICE_MEMBERS}
    extra = keep_within(NAME, {**rest, **own.get(NAME, {})}, (), "message", _MESSAGE_MEMBERS)
    return Choice(tuple(parts), reason, extra=extra)


_CHOICE_MEMBERS = ("index", "finish_reason", "logprobs")
_MESSAGE_MEMBERS = ("role", "content", "refusal", "tool_calls", "function_call", "audio", "images", *THOUGHT_MEMBERS)


def _read_said(message: Mapping[str, Any], logprobs: tuple[TokenLogprob, ...]) -> Iterator[Said]:
    yield from read_thoughts(message)
    content = message.get("content")
    if isinstance(content, str):
        if content or logprobs:
            yield Text(content, logprobs=logprobs)
    else:
        yield from read_content(content, "content")  # type: ignore[misc]  # an answer holds no result of a tool
    if message.get("refusal"):
        yield Refusal(message["refusal"])
    yield from read_images(message)
    if isinstance(message.get("audio"), Mapping):
        yield read_audio(message["audio"])
    yield from (read_call(call) for call in message.get("tool_calls") or ())
    if isinstance(message.get("function_call"), Mapping):
        yield read_call({"function": message["function_call"]})


def read_images(message: Mapping[str, Any]) -> Iterator[Image]:
    """The pictures of an answer, where OpenRouter puts them."""
    for image in message.get("images") or ():
        extra = keep(NAME, image, ("type", "image_url"))
        yield Image(Source.of_url(image["image_url"]["url"]), extra=extra)


def read_audio(audio: Mapping[str, Any]) -> Audio:
    """A spoken answer."""
    extra = keep(NAME, audio, ("data", "transcript"))
    return Audio(Source("audio/wav", data=audio.get("data") or ""), audio.get("transcript"), extra=extra)


def read_reason(said: Any) -> tuple[FinishReason, Extra]:
    """Why a choice ended, and the provider's own word where ours does not lead back to it."""
    reason = _REASONS.get(said, DEFAULT_REASON)
    return reason, kept(NAME, finish_reason=said if said != reason else None)


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A chat completion that says `answer`."""
    written = {
        **head(request, "chat.completion"),
        "choices": [_write_choice(choice, index, request) for index, choice in enumerate(answer.choices)],
        "usage": write_usage(answer.usage),
    }
    return lay_over(written, answer.extra, NAME)


def _write_choice(choice: Choice, index: int, request: LLMRequest) -> dict[str, Any]:
    logprobs = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs]
    written = {
        "index": index,
        "message": _write_message(choice.parts, index, request),
        "logprobs": {"content": write_logprobs(logprobs), "refusal": None} if logprobs else None,
        "finish_reason": write_reason(choice.reason),
    }
    return lay_over(written, choice.extra, NAME)


def _write_message(parts: Iterable[Said], choice: int, request: LLMRequest) -> dict[str, Any]:
    parts = list(parts)
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    audio = next((part for part in parts if isinstance(part, Audio)), None)
    calls = [write_said_call(part, choice, number, request) for number, part in enumerate(calls_in(parts))]
    return {
        "role": "assistant",
        "content": "".join(texts) if texts or not calls else None,
        "refusal": "".join(refusals) or None,
        **write_thoughts(_thoughts_in(parts)),
        **given(images=[write_image(part) for part in parts if isinstance(part, Image)] or None),
        **given(audio=write_audio(audio, request) if audio else None),
        **given(tool_calls=calls or None),
    }


def _thoughts_in(parts: Iterable[Said]) -> Iterator[Thinking]:
    """The thoughts; what a provider wants back with a text stands among them, where there is a place for it."""
    for part in parts:
        if isinstance(part, Thinking):
            yield part
        elif isinstance(part, Text) and part.signature is not None:
            yield Thinking(signature=part.signature)


def calls_in(parts: Iterable[Said]) -> list[ToolCall | Other]:
    """The calls among the parts of an answer, those of kinds that only this dialect has among them."""
    return [
        part for part in parts if isinstance(part, ToolCall) or (isinstance(part, Other) and part.dialect == NAME)
    ]


def write_said_call(call: ToolCall | Other, choice: int, number: int, request: LLMRequest) -> dict[str, Any]:
    """A call in an answer: one without an id gets one, since its result will have to refer to it."""
    if isinstance(call, Other):
        return dict(call.value)
    return write_call(call, call.id or made_id("call", request, choice, number))


def write_image(image: Image) -> dict[str, Any]:
    """A picture in an answer, where OpenRouter puts it; OpenAI has no place for one."""
    return lay_over({"type": "image_url", "image_url": {"url": image.source.to_url() or ""}}, image.extra, NAME)


def write_audio(audio: Audio, request: LLMRequest) -> dict[str, Any]:
    """A spoken answer."""
    written = {"id": made_id("audio", request), "data": audio.source.data or "", "transcript": audio.transcript or ""}
    return lay_over({**written, "expires_at": int(request.context.received_at)}, audio.extra, NAME)


def write_reason(reason: FinishReason) -> str:
    """Why a choice ended; OpenAI's clients take its own words only, and it has none for an error."""
    return "stop" if reason == "error" else reason


def head(request: LLMRequest, kind: str, prefix: str = "chatcmpl") -> dict[str, Any]:
    """What every object of an answer begins with."""
    return {
        "id": f"{prefix}-{request.context.id}",
        "object": kind,
        "created": int(request.context.received_at),
        "model": request.context.model or request.model,
    }


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the members of chat and completions."""
    prompt = given(
        cached_tokens=usage.cached, cache_write_tokens=usage.cache_written, audio_tokens=usage.input_audio
    )
    completion = given(reasoning_tokens=usage.reasoning, audio_tokens=usage.output_audio)
    written = {
        "prompt_tokens": usage.input or 0,
        "completion_tokens": usage.output or 0,
        "total_tokens": usage.total,
        **given(prompt_tokens_details=prompt or None, completion_tokens_details=completion or None),
    }
    return lay_over(written, usage.extra, NAME)
