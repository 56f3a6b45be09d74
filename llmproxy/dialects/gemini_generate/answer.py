"""A whole GenerateContentResponse, and the neutral model of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Aside, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import (
    Audio,
    Document,
    Image,
    Other,
    Refusal,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    ToolResult,
)
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.gemini_generate.names import NAME
from llmproxy.dialects.gemini_generate.parts import (
    read_part,
    write_call,
    write_media,
    write_signature,
    write_text,
    write_thought,
)

_REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "LANGUAGE": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "NO_IMAGE": "content_filter",
    "OTHER": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
}
_WORDS: Mapping[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
}

HEAD = ("candidates", "usageMetadata")
CANDIDATE = ("content", "finishReason", "index", "logprobsResult")
_USAGE = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount")


def read_answer(body: Any) -> Answer:
    """What a response says."""
    candidates = sorted(body.get("candidates") or (), key=lambda candidate: candidate.get("index") or 0)
    choices = tuple(_read_candidate(candidate) for candidate in candidates)
    return Answer(
        choices or (Choice((), "content_filter" if is_blocked(body) else "error"),),
        read_usage(body.get("usageMetadata")) or Usage(),
        body.get("responseId"),
        body.get("modelVersion"),
        extra=keep(NAME, body, HEAD),
    )


def is_blocked(body: Mapping[str, Any]) -> bool:
    """Whether the prompt was refused: then there is no candidate, and a status of 200 all the same."""
    return bool((body.get("promptFeedback") or {}).get("blockReason"))


def _read_candidate(candidate: Mapping[str, Any]) -> Choice:
    said = (candidate.get("content") or {}).get("parts") or ()
    parts = [part for each in said for part in said_parts(each)]
    reason, own = read_reason(candidate.get("finishReason"), any(isinstance(part, ToolCall) for part in parts))
    tokens, rest = read_rest(candidate)
    text = next((part for part in parts if isinstance(part, Text)), None)
    if text is not None:
        parts[parts.index(text)] = replace(text, logprobs=tokens)
    elif tokens:
        rest = {**rest, "logprobsResult": candidate["logprobsResult"]}
    rest = {**rest, **own}
    return Choice(tuple(parts), reason, extra={NAME: rest} if rest else {})


def said_parts(part: Mapping[str, Any]) -> Iterator[Said]:
    """The parts of an answer that one part of Google's is."""
    yield from (each for each in read_part(part) if not isinstance(each, ToolResult))


def read_rest(candidate: Mapping[str, Any]) -> tuple[tuple[TokenLogprob, ...], dict[str, Any]]:
    """The probabilities of a candidate's tokens, and the members of it that there is no word for."""
    rest = {name: value for name, value in candidate.items() if name not in CANDIDATE}
    result = candidate.get("logprobsResult")
    if not result:
        return (), rest
    own = {name: value for name, value in result.items() if name not in ("chosenCandidates", "topCandidates")}
    return _read_logprobs(result), {**rest, "logprobsResult": own} if own else rest


def _read_logprobs(result: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    chosen, top = result.get("chosenCandidates") or (), result.get("topCandidates") or ()
    others = [tuple(_read_token(token) for token in each.get("candidates") or ()) for each in top]
    return tuple(_read_token(token, others[index] if index < len(others) else ()) for index, token in enumerate(chosen))


def _read_token(said: Mapping[str, Any], top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    token: str = said.get("token") or ""
    return TokenLogprob(token, said.get("logProbability") or 0.0, top=top, token_id=said.get("tokenId"))


def read_reason(said: Any, called: bool) -> tuple[FinishReason, dict[str, Any]]:
    """Why a candidate ended, and Google's own word where ours does not lead back to it.

    Args:
        called: Whether it asks for a tool, for which Google has no word.
    """
    reason = _REASONS.get(said, DEFAULT_REASON)
    if reason == "stop" and called:
        reason = "tool_calls"
    return reason, {"finishReason": said} if said and said != write_reason(reason) else {}


def write_reason(reason: FinishReason) -> str:
    """Why a candidate ended."""
    return _WORDS[reason]


def count(said: Mapping[str, Any]) -> Usage | None:
    """The figures of usage alone; None where there are none."""
    figures = _figures(said)
    return Usage(*figures) if any(figure is not None for figure in figures) else None


def _figures(said: Mapping[str, Any]) -> tuple[int | None, int | None, int | None, int | None]:
    """Input, output, cached and reasoning. The prompt of Google's own tools is input too, and thoughts are counted
    beside what was said."""
    prompt, candidates = read_count(said.get("promptTokenCount")), read_count(said.get("candidatesTokenCount"))
    thoughts, tools = read_count(said.get("thoughtsTokenCount")), read_count(said.get("toolUsePromptTokenCount"))
    return (
        prompt if tools is None else (prompt or 0) + tools,
        candidates if thoughts is None else (candidates or 0) + thoughts,
        read_count(said.get("cachedContentTokenCount")),
        thoughts,
    )


def read_usage(said: Any) -> Usage | None:
    """Usage as Google counts it; None where it is absent."""
    if not isinstance(said, Mapping):
        return None
    input, output, cached, reasoning = _figures(said)
    rest = {name: value for name, value in said.items() if name not in _USAGE}
    if input is not None and rest.get("totalTokenCount") == input + (output or 0):
        del rest["totalTokenCount"]
    return Usage(
        input,
        output,
        cached,
        reasoning,
        input_audio=_read_audio(rest.get("promptTokensDetails")),
        output_audio=_read_audio(rest.get("candidatesTokensDetails")),
        extra={NAME: rest} if rest else {},
    )


def _read_audio(details: Any) -> int | None:
    """How many of the tokens are sound."""
    for each in details or ():
        if each.get("modality") == "AUDIO":
            return read_count(each.get("tokenCount"))
    return None


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage as Google counts it, which leaves out what is 0."""
    tools = read_count(usage.extra.get(NAME, {}).get("toolUsePromptTokenCount")) or 0
    written = given(
        promptTokenCount=None if usage.input is None else usage.input - tools,
        cachedContentTokenCount=usage.cached or None,
        candidatesTokenCount=(usage.output or 0) - (usage.reasoning or 0) or None,
        thoughtsTokenCount=usage.reasoning or None,
        totalTokenCount=None if usage.input is None else usage.total,
        promptTokensDetails=_write_audio(usage.input_audio),
        candidatesTokensDetails=_write_audio(usage.output_audio),
    )
    return lay_over(written, usage.extra, NAME)


def _write_audio(tokens: int | None) -> list[dict[str, Any]] | None:
    return [{"modality": "AUDIO", "tokenCount": tokens}] if tokens else None


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A whole answer, as `request` asked for it."""
    usage = write_usage(answer.usage)
    written = {
        "candidates": [_write_candidate(choice, number) for number, choice in enumerate(answer.choices)],
        **({"usageMetadata": usage} if usage else {}),
        **head(request),
    }
    written = lay_over(written, answer.extra, NAME)
    for aside in answer.asides:
        written = with_aside(written, aside)
    if is_blocked(written) and not answer.parts:
        del written["candidates"]
    return written


def with_aside(written: dict[str, Any], aside: Aside) -> dict[str, Any]:
    """A response with what a frame of its stream said besides."""
    if aside.dialect != NAME or not isinstance(aside.value, Mapping):
        return written
    for candidate in aside.value.get("candidates", ()):
        number = candidate["index"]
        written["candidates"][number] = lay_over(written["candidates"][number], {NAME: candidate}, NAME)
    return lay_over(written, keep(NAME, aside.value, ("candidates",)), NAME)


def head(request: LLMRequest) -> dict[str, Any]:
    """What every response says of itself."""
    return {"modelVersion": request.context.model or request.model, "responseId": request.context.id}


def _write_candidate(choice: Choice, number: int) -> dict[str, Any]:
    parts = [written for part in choice.parts for written in write_part(part)]
    tokens = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs]
    written = {
        "content": {**given(parts=parts or None), "role": "model"},
        "finishReason": write_reason(choice.reason),
        "index": number,
        **given(logprobsResult=write_logprobs(tokens)),
    }
    return lay_over(written, choice.extra, NAME)


def write_part(part: Said) -> Iterator[dict[str, Any]]:
    """A part of an answer, for clients, who bring all of its signatures back."""
    if isinstance(part, Thinking):
        yield write_thought(part)
    elif isinstance(part, ToolCall):
        yield write_said_call(part)
    elif isinstance(part, (Text, Refusal)):
        yield with_signature(write_text(part), part)
    elif isinstance(part, (Image, Audio, Document)):
        yield write_media(part)
    elif isinstance(part, Other) and part.dialect == NAME:
        yield dict(part.value)


def write_said_call(call: ToolCall) -> dict[str, Any]:
    """A call of a tool; its id is shown where it has one, as Google does."""
    written = write_call(call)
    if call.id is not None:
        written["functionCall"].setdefault("id", call.id)
    return with_signature(written, call)


def with_signature(written: dict[str, Any], part: Said) -> dict[str, Any]:
    """A part with its signature, whoever made it."""
    signature = getattr(part, "signature", None)
    return {**written, "thoughtSignature": write_signature(signature)} if signature else written


def write_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """The probabilities of an answer's tokens; None where there are none."""
    if not tokens:
        return None
    top = [{"candidates": [_write_token(other) for other in token.top]} for token in tokens if token.top]
    return {"chosenCandidates": [_write_token(token) for token in tokens], **given(topCandidates=top or None)}


def _write_token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, **given(tokenId=token.token_id), "logProbability": token.logprob}
