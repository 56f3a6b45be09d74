"""How an answer is generated: `generationConfig`, and the neutral model of it."""

import re
from collections.abc import Mapping
from typing import Any

from llmproxy.core.chat import Chat, Reasoning, ResponseFormat
from llmproxy.dialects.extra import given, keep, kept, lay_over
from llmproxy.dialects.gemini_generate.names import NAME, several
from llmproxy.dialects.gemini_generate.tools import json_schema

NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "stop": "stopSequences",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""What we call a setting, and what Google calls it."""

KNOWN = frozenset(NAMES.values()) | {"responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig"}
_JSON = "application/json"

# Models that think by levels rather than by a number of tokens, and want a signature on calls: the third generation,
# and what `latest` stands for (https://ai.google.dev/gemini-api/docs/gemini-3).
_THIRD = re.compile(r"gemini-(?:[3-9]|(?:pro|flash|flash-lite)-latest)")

_LEVELS = {
    "none": "MINIMAL",  # these models always think a little
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
# What `thinkingBudget` may be (https://ai.google.dev/gemini-api/docs/thinking#set-budget): Pro cannot but think.
_BUDGETS_OF_PRO = (128, 32768)
_BUDGETS = (0, 24576)
_DYNAMIC = -1


def is_third_generation(model: str) -> bool:
    """Whether it is a model of Gemini 3 or a later one."""
    return _THIRD.search(model) is not None


def read_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a `Chat` that `generationConfig` says."""
    members = {name: config.get(own) for name, own in NAMES.items()}
    return {
        **members,
        "stop": tuple(several(members["stop"])),
        "response_format": _read_format(config),
        "reasoning": _read_thinking(config.get("thinkingConfig")),
    }


def read_rest(config: Mapping[str, Any]) -> dict[str, Any]:
    """What there is no word for. Text alone is what models answer with anyway."""
    rest = {name: value for name, value in config.items() if name not in KNOWN}
    if rest.get("responseModalities") == ["TEXT"]:
        del rest["responseModalities"]
    return rest


def _read_format(config: Mapping[str, Any]) -> ResponseFormat | None:
    kind, schema = config.get("responseMimeType"), config.get("responseSchema")
    if config.get("responseJsonSchema") is not None:
        return ResponseFormat("schema", config["responseJsonSchema"])
    if schema is not None and kind == _JSON:
        return ResponseFormat("schema", json_schema(schema), extra={NAME: {"responseSchema": schema}})
    if kind == _JSON:
        return ResponseFormat("json")
    if kind is None:
        return None
    own = kept(NAME, responseMimeType=kind, responseSchema=schema) if kind != "text/plain" else {}
    return ResponseFormat("text", extra=own)


def _read_thinking(said: Any) -> Reasoning | None:
    if not isinstance(said, Mapping):
        return None
    budget, level = said.get("thinkingBudget"), said.get("thinkingLevel")
    effort = level.lower() if isinstance(level, str) and level.lower() in _LEVELS else None
    own = keep(NAME, said, ("includeThoughts", "thinkingBudget", "thinkingLevel")).get(NAME, {})
    if budget == _DYNAMIC:
        own, budget = {**own, "thinkingBudget": budget}, None
    if level is not None and (effort is None or _LEVELS[effort] != level):
        own = {**own, "thinkingLevel": level}
    return Reasoning(None, effort, budget, said.get("includeThoughts"), {NAME: own} if own else {})


def write_config(chat: Chat) -> dict[str, Any]:
    """What a `Chat` says of it."""
    members = {own: getattr(chat, name) for name, own in NAMES.items()}
    return given(
        **{**members, "stopSequences": list(chat.stop) or None},
        **_write_format(chat.response_format),
        thinkingConfig=write_thinking(chat.reasoning, chat.model) or None,
    )


def _write_format(format: ResponseFormat | None) -> dict[str, Any]:
    if format is None:
        return {}
    if format.kind == "text":
        return lay_over({"responseMimeType": "text/plain"}, format.extra, NAME)
    own = format.extra.get(NAME, {})
    schema = None if "responseSchema" in own else format.schema
    return lay_over({"responseMimeType": _JSON, **given(responseJsonSchema=schema)}, format.extra, NAME)


def write_thinking(reasoning: Reasoning | None, model: str) -> dict[str, Any]:
    """An effort as a level where the model knows levels, else as tokens; never both, which is refused."""
    if reasoning is None:
        return {}
    written = given(includeThoughts=reasoning.visible)
    effort = reasoning.as_effort() if reasoning.off or reasoning.effort else None
    if effort and is_third_generation(model):
        lowest = "pro" in model and effort in ("none", "minimal")  # Pro has no level below
        written["thinkingLevel"] = "LOW" if lowest else _LEVELS[effort]
    else:
        written.update(given(thinkingBudget=_budget(reasoning, model)))
    return lay_over(written, reasoning.extra, NAME)


def _budget(reasoning: Reasoning, model: str) -> int | None:
    budget = reasoning.as_budget()
    if budget is None:
        return _DYNAMIC if reasoning.enabled else None
    least, most = _BUDGETS_OF_PRO if "pro" in model else _BUDGETS
    return min(max(budget, least), most)
