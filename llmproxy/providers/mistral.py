"""Mistral: OpenAI's dialects, but for what it calls otherwise or does not know. https://docs.mistral.ai/api"""

from dataclasses import replace
from typing import Any

from llmproxy.core.chat import (
    Chat,
    Document,
    Message,
    Other,
    Part,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.dialects.base import ProviderDialect
from llmproxy.dialects.extra import given
from llmproxy.dialects.functions import callable_tools
from llmproxy.dialects.losses import unsaid
from llmproxy.dialects.openai_chat import OpenAIChatProvider
from llmproxy.dialects.tools import fitting_id, with_ids
from llmproxy.providers.openai import OpenAIProvider

_NO_WORD = ("logit_bias", "user", "name")
_NO_PARAMETERS = {"type": "object", "properties": {}}


class MistralProvider(OpenAIProvider):
    """A request that its client wrote in OpenAI's chat goes as it is; what is translated is said in Mistral's words."""

    dialects = ("chat", "embeddings")
    default_base_url = "https://api.mistral.ai/v1"
    default_token_env = "MISTRAL_API_KEY"
    model_patterns = (
        "mistral-*", "ministral-*", "magistral-*", "codestral-*", "devstral-*", "pixtral-*", "open-mistral-*",
    )  # fmt: skip
    asks_usage = False

    def dialect(self, name: str) -> ProviderDialect:
        return MistralChatProvider() if name == OpenAIChatProvider.name else super().dialect(name)


class MistralChatProvider(OpenAIChatProvider):
    """OpenAI's chat in Mistral's words. A member that Mistral does not know is answered with 422, so none is sent."""

    def write_request(self, chat: Chat) -> tuple[dict[str, Any], list[str]]:
        lost = unsaid(chat, _NO_WORD)
        body, more = super().write_request(_in_known_words(chat, lost))
        if "seed" in body:
            body["random_seed"] = body.pop("seed")
        if body.get("tool_choice") == "required":  # which older models do not know
            body["tool_choice"] = "any"
        return {**body, **given(top_k=chat.top_k)}, lost + more


def _in_known_words(chat: Chat, lost: list[str]) -> Chat:
    """The chat without what OpenAI's members could say and Mistral's cannot."""
    if any(_is_sealed(part) for part in chat.parts()):
        lost.append("thinking")
    return replace(
        chat,
        messages=tuple(_message(message) for message in with_ids(chat).messages),
        tools=tuple(_tool(tool) for tool in callable_tools(chat, OpenAIChatProvider.name)),
        tool_choice=_choice(chat.tool_choice),
        top_k=None,
        logit_bias=None,
        user=None,
    )


def _message(message: Message) -> Message:
    parts = tuple(_part(part) for part in message.parts if not _is_sealed(part))
    return replace(message, role="system" if message.is_system else message.role, parts=parts, name=None)


def _is_sealed(part: Part) -> bool:
    """Whether it is a thought that its maker alone can read."""
    return isinstance(part, Thinking) and not part.text


def _part(part: Part) -> Part:
    if isinstance(part, ToolCall):
        return replace(part, id=_id(part.id), signature=None)
    if isinstance(part, ToolResult):
        parts: Any = tuple(_part(each) for each in part.parts)
        return replace(part, call_id=_id(part.call_id), parts=parts)
    if isinstance(part, Refusal):
        return Text(part.text)
    if isinstance(part, Thinking):
        return _own({"type": "thinking", "thinking": [{"type": "text", "text": part.text}]})
    if isinstance(part, Document) and part.text is None:
        return _own(_document(part))
    return part


def _id(id: str | None) -> str:
    return fitting_id(id or "", r"[A-Za-z0-9]{9}", 9)


def _own(part: dict[str, Any]) -> Other:
    """A part of the content that OpenAI's does not have."""
    return Other(OpenAIChatProvider.name, part)


def _document(document: Document) -> dict[str, Any]:
    source = document.source
    if source.file_id is not None:
        return {"type": "file", "file_id": source.file_id}
    return {"type": "document_url", "document_url": source.to_url(), **given(document_name=document.name)}


def _tool(tool: Tool | Other) -> Tool | Other:
    """A tool; one without parameters must say so."""
    if isinstance(tool, Other) or tool.parameters is not None:
        return tool
    return replace(tool, parameters=_NO_PARAMETERS)


def _choice(choice: ToolChoice | None) -> ToolChoice | None:
    """A choice without the names of several tools: the others have been left out."""
    if choice is None or choice.forced:
        return choice
    return replace(choice, names=())
