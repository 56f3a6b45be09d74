"""How much a model should think: `thinking`, and the effort in `output_config`.

Up to Claude 4.5 thinking has a budget of tokens. Since 4.6 an effort guides the model, which decides for itself; 4.6
still takes a budget as well, later ones do not. So a budget is said as one wherever that is understood, an effort as
one wherever that is, and each becomes the other where it must.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmproxy.core.chat import EFFORT_BUDGETS, Chat, Extra, Reasoning
from llmproxy.core.shape import NONSENSE
from llmproxy.dialects.anthropic_messages.claude import Model
from llmproxy.dialects.anthropic_messages.parts import NAME
from llmproxy.dialects.extra import given, lay_over

ROOM = 8192
"""The most tokens of an answer, thoughts aside, where the client sets no limit: this dialect needs one."""

_LEAST_BUDGET = 1024
_MOST_OUTPUT = 32_000  # the least that any model with a budget can give: an effort asks for no more
_LEAST_TOP_P = 0.95
_DEFAULT_EFFORT = "medium"

_ENABLED = {"enabled": True, "adaptive": True, "disabled": False, "between_tools": False}
_VISIBLE = {"summarized": True, "omitted": False}
_DISPLAY = {visible: display for display, visible in _VISIBLE.items()}


def read_reasoning(body: Mapping[str, Any]) -> Reasoning | None:
    """How much to think; None if nobody said."""
    effort = (body.get("output_config") or {}).get("effort")
    thinking = body.get("thinking")
    if not isinstance(thinking, Mapping):
        return Reasoning(effort=effort) if effort else None
    kind, display = thinking.get("type"), thinking.get("display")
    return Reasoning(
        enabled=_ENABLED.get(str(kind)),
        effort=effort,
        budget=thinking.get("budget_tokens"),
        visible=_VISIBLE.get(str(display)),
        extra=_keep_thinking(thinking),
    )


def _keep_thinking(thinking: Mapping[str, Any]) -> Extra:
    """What is said of thinking that the model has no word for."""
    rest = {name: value for name, value in thinking.items() if name not in ("type", "budget_tokens", "display")}
    if thinking.get("type") not in ("enabled", "adaptive", "disabled"):
        rest["type"] = thinking.get("type")
    if thinking.get("display") not in (None, *_VISIBLE):
        rest["display"] = thinking["display"]
    return {NAME: {"thinking": rest}} if rest else {}


def write_reasoning(chat: Chat, model: Model, messages: Sequence[Mapping[str, Any]], lost: list[str]) -> dict[str, Any]:
    """The members that say how much to think: `thinking`, `output_config`, and the `max_tokens` that leave room for it.

    Args:
        messages: The conversation as it is written.
        lost: Takes `reasoning` where it cannot be said.
    """
    reasoning, limit = chat.reasoning, chat.max_tokens
    if reasoning is None:
        return {"max_tokens": ROOM if limit is None else limit}
    if reasoning.off:
        said = _switched_off(model, lost)
    elif model.adaptive and (reasoning.budget is None or not model.budget):
        said = _adaptive(reasoning, model)
    else:
        said = _with_budget(reasoning, model, limit, messages, lost)
    if limit is None:
        thought = (said.get("thinking") or {}).get("budget_tokens") or reasoning.as_budget() or 0
        limit = ROOM + (thought if is_thinking(said) else 0)
    return lay_over({"max_tokens": limit, **said}, reasoning.extra, NAME)


def _switched_off(model: Model, lost: list[str]) -> dict[str, Any]:
    if model.off is None:
        lost.append("reasoning")
        return {}
    return {"thinking": {"type": model.off}}


def _adaptive(reasoning: Reasoning, model: Model) -> dict[str, Any]:
    thinking = {"type": "adaptive", **_write_display(reasoning)}
    return {"thinking": thinking, **_write_effort(reasoning.as_effort(), model)}


def _with_budget(
    reasoning: Reasoning, model: Model, limit: int | None, messages: Sequence[Mapping[str, Any]], lost: list[str]
) -> dict[str, Any]:
    """Thinking with a budget, unless there is no room for the least of them, or the conversation forbids it."""
    if (limit is not None and limit <= _LEAST_BUDGET) or has_unsigned_calls(messages):
        lost.append("reasoning")
        return {}
    thinking = {"type": "enabled", "budget_tokens": _budget(reasoning, limit), **_write_display(reasoning)}
    beside = reasoning.effort if reasoning.budget is not None else None
    return {"thinking": thinking, **_write_effort(beside, model)}


def _budget(reasoning: Reasoning, limit: int | None) -> int:
    """The tokens of thought: less than all there may be, and no less than the least that is taken."""
    budget = reasoning.budget
    if budget is None:
        asked = reasoning if reasoning.effort in EFFORT_BUDGETS else replace(reasoning, effort=_DEFAULT_EFFORT)
        budget = min(asked.as_budget() or 0, _MOST_OUTPUT - ROOM)
    if limit is not None and budget >= limit:
        budget = limit // 2
    return max(budget, _LEAST_BUDGET)


def _write_display(reasoning: Reasoning) -> dict[str, Any]:
    return given(display=None if reasoning.visible is None else _DISPLAY[reasoning.visible])


def _write_effort(effort: str | None, model: Model) -> dict[str, Any]:
    """The effort, or the next one that the model knows."""
    if effort is None or not model.efforts:
        return {}
    return {"output_config": {"effort": known_effort(effort, model.efforts)}}


def known_effort(effort: str, known: Sequence[str]) -> str:
    """The effort, or the next one among those that a model knows."""
    order = list(EFFORT_BUDGETS)
    if effort in known or effort not in order:
        return effort
    return next((each for each in order[order.index(effort) :] if each in known), known[-1])


def has_unsigned_calls(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last turn of the assistant's called tools without a signed thought before: a model with a budget
    then refuses to think on. One that thinks as it likes does not mind."""
    last = next((message for message in reversed(messages) if message["role"] == "assistant"), None)
    blocks = last["content"] if last and isinstance(last["content"], list) else []
    kinds = [block.get("type") for block in blocks]
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")


def is_thinking(body: Mapping[str, Any]) -> bool:
    """Whether the model is told to think."""
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def fit(body: dict[str, Any], model: Model, lost: list[str]) -> None:
    """Takes from a body what its model, or any model that thinks, would refuse."""
    fixed = is_thinking(body) or model.sampling == "none"
    if fixed and body.get("temperature") not in (None, 1):
        _drop("temperature", body, lost)
    if fixed and "top_k" in body:
        _drop("top_k", body, lost)
    if "top_p" in body and _refuses_top_p(body, model):
        _drop("top_p", body, lost if body["top_p"] != 1 else [])  # 1 is what it is anyway
    choice = body.get("tool_choice") or {}
    if choice.get("type") in ("any", "tool") and (is_thinking(body) or not model.forced_tools):
        beside = given(disable_parallel_tool_use=choice.get("disable_parallel_tool_use"))
        body["tool_choice"] = {"type": "auto", **beside}
        lost.append("tool_choice")


def unfit(body: Mapping[str, Any], model: Model) -> set[str]:
    """The members that a model would refuse beside the others."""
    fitting = dict(body)
    try:
        fit(fitting, model, [])
    except NONSENSE:  # the client's own, which is the upstream's to refuse
        return set()
    return {name for name in body if name not in fitting}


def _drop(name: str, body: dict[str, Any], lost: list[str]) -> None:
    del body[name]
    lost.append(name)


def _refuses_top_p(body: Mapping[str, Any], model: Model) -> bool:
    if model.sampling == "none" or (model.sampling == "one" and "temperature" in body):
        return True
    return is_thinking(body) and body["top_p"] < _LEAST_TOP_P
