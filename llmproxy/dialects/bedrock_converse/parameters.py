"""How an answer is made: what all models share, and what is a vendor's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmproxy.core.chat import Chat, ToolChoice
from llmproxy.dialects.anthropic_messages.claude import model_of
from llmproxy.dialects.anthropic_messages.thinking import fit, write_reasoning
from llmproxy.dialects.bedrock_converse.traits import Traits
from llmproxy.dialects.extra import given

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_TYPES = {"toolUse": "tool_use", "reasoningContent": "thinking"}


def write_inference(chat: Chat) -> dict[str, Any]:
    """The parameters that all models share."""
    return given(
        maxTokens=chat.max_tokens,
        temperature=chat.temperature,
        topP=chat.top_p,
        stopSequences=list(chat.stop) or None,
    )


def fitted(
    chat: Chat, traits: Traits, messages: Sequence[Mapping[str, Any]], lost: list[str]
) -> tuple[Chat, dict[str, Any]]:
    """The chat with what its model takes, and the model's own parameters.

    Args:
        messages: The conversation as it is written.
        lost: Takes what the model does not take.
    """
    temperature = chat.temperature
    if temperature is not None and not 0 <= temperature <= 1:  # no model's goes further here
        lost.append("temperature")
        chat = replace(chat, temperature=min(max(temperature, 0), 1))
    return _fitted_to_claude(chat, messages, lost) if traits.claude else (chat, _own_parameters(chat, traits, lost))


def _fitted_to_claude(
    chat: Chat, messages: Sequence[Mapping[str, Any]], lost: list[str]
) -> tuple[Chat, dict[str, Any]]:
    """As Anthropic's own dialect has it: thinking forbids some parameters, and makes room for itself."""
    model, choice = model_of(chat.model), chat.tool_choice
    forced = {"type": "any"} if choice and choice.mode == "required" else None
    body = given(temperature=chat.temperature, top_p=chat.top_p, top_k=chat.top_k, tool_choice=forced)
    body.update(write_reasoning(chat, model, _outlined(messages), lost))
    fit(body, model, lost)
    chat = replace(
        chat,
        max_tokens=body["max_tokens"] if chat.reasoning else chat.max_tokens,  # which need not be said here
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        tool_choice=ToolChoice() if forced and body["tool_choice"]["type"] == "auto" else choice,
    )
    return chat, {name: body[name] for name in ("top_k", "thinking", "output_config") if name in body}


def _outlined(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The kinds of the blocks of a conversation, in Anthropic's words."""
    return [
        {
            "role": message["role"],
            "content": [{"type": _TYPES.get(next(iter(block)), "text")} for block in message["content"]],
        }
        for message in messages
    ]


def _own_parameters(chat: Chat, traits: Traits, lost: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if chat.top_k is not None and traits.top_k:
        outer, inner = traits.top_k
        fields[outer] = {inner: chat.top_k}
    elif chat.top_k is not None:
        lost.append("top_k")
    effort = _EFFORTS.get(chat.reasoning.as_effort() or "") if chat.reasoning else None
    if effort and traits.effort:
        fields[traits.effort] = effort
    elif chat.reasoning is not None:
        lost.append("reasoning")
    if chat.reasoning is not None and chat.reasoning.visible is False:  # thoughts are always shown
        lost.append("visible")
    return fields
