"""A generateContent request, and the edits that know where it keeps its texts and limits.

The model and the form of the answer stand in the path, so they are kept beside the body.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from llmproxy.core.chat import Reasoning
from llmproxy.core.context import RequestContext
from llmproxy.dialects.base import ClientDialect, JSONRequest
from llmproxy.dialects.defaults import as_list
from llmproxy.dialects.gemini_generate.config import KNOWN, NAMES, write_thinking
from llmproxy.dialects.gemini_generate.names import NAME, member, several, spelling

STREAM = "streamGenerateContent"


class GenerateRequest(JSONRequest):
    """A call of `:generateContent` or `:streamGenerateContent`."""

    dialect = NAME
    places = MappingProxyType({
        **{own: f"generationConfig.{own}" for own in KNOWN},
        **{name: f"generationConfig.{own}" for name, own in NAMES.items()},
        "max_completion_tokens": "generationConfig.maxOutputTokens",
        "reasoning_effort": "generationConfig.thinkingConfig",
    })  # fmt: skip

    def __init__(
        self, body: dict[str, Any], context: RequestContext, client_dialect: ClientDialect, raw: bytes | None = None
    ) -> None:
        super().__init__(body, context, client_dialect, raw)
        self._model = model_in(context.path)

    @property
    def model(self) -> str:
        return self._model

    @property
    def stream(self) -> bool:
        return self.context.path.get("method") == STREAM

    @property
    def messages(self) -> list[dict[str, Any]]:
        return several(self.body.get("contents"))

    @property
    def max_tokens(self) -> int | None:
        limit = member(self._config, "maxOutputTokens")
        return limit if isinstance(limit, int) and limit >= 0 else None

    @property
    def _config(self) -> Mapping[str, Any]:
        return member(self.body, "generationConfig") or {}

    def with_model(self, name: str) -> Self:
        if name == self._model:
            return self
        edited = copy.copy(self)
        edited._model = name
        if "model" in self.body:  # which Google allows, if it is the path's
            edited.body = {key: value for key, value in self.body.items() if key != "model"}
        return edited

    def with_max_tokens(self, limit: int) -> Self:
        return self._with_config({spelling(self._config, "maxOutputTokens"): limit})

    def said(self, name: str, value: Any) -> Any:
        if name == "reasoning_effort":
            return write_thinking(Reasoning(effort=value), self.model) or None
        return as_list(value) if name == "stop" else value

    def spelling(self, said: Mapping[str, Any], name: str) -> str:
        return spelling(said, name)

    def texts(self) -> Iterator[str]:
        for content in self._contents():
            for part in several(content.get("parts")):
                yield from _texts_in(part)

    def map_texts(self, function: Callable[[str], str]) -> Self:
        def changed(content: Mapping[str, Any]) -> dict[str, Any]:
            return {**content, "parts": [_map_part(part, function) for part in several(content.get("parts"))]}

        system = spelling(self.body, "systemInstruction")
        members: dict[str, Any] = {"contents": [changed(content) for content in self.messages]}
        if self.body.get(system):
            members[system] = changed(self.body[system])
        return self.with_members(**members)

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        name = spelling(self.body, "systemInstruction")
        said = self.body.get(name) or {}
        parts = [] if position == "replace" else several(said.get("parts"))
        prompt = {"text": text}
        return self.with_members(
            **{name: {**said, "parts": [*parts, prompt] if position == "after" else [prompt, *parts]}}
        )

    def last_user_text(self) -> str:
        content: dict[str, Any] = next((each for each in reversed(self.messages) if _is_said(each)), {})
        return "\n".join(part["text"] for part in several(content.get("parts")) if part.get("text"))

    def with_last_user_text(self, text: str) -> Self:
        contents = list(self.messages)
        for index in reversed(range(len(contents))):
            if _is_said(contents[index]):
                others = [part for part in several(contents[index]["parts"]) if "text" not in part]
                contents[index] = {**contents[index], "parts": [{"text": text}, *others]}
                break
        return self.with_members(contents=contents)

    def _contents(self) -> list[dict[str, Any]]:
        """Everything that has parts."""
        system = member(self.body, "systemInstruction")
        return [system, *self.messages] if system else self.messages

    def _with_config(self, members: Mapping[str, Any]) -> Self:
        return self.with_members(**{spelling(self.body, "generationConfig"): {**self._config, **members}})


def model_in(path: Mapping[str, str]) -> str:
    """The model that a path names; one of another kind than `models` keeps its kind."""
    model = path.get("model", "").removeprefix("models/")
    return f"{path['kind']}/{model}" if path.get("kind") else model


def _is_said(content: Mapping[str, Any]) -> bool:
    """Whether it is something that the user has said, rather than what a tool has answered."""
    return content.get("role") in (None, "user") and any(part.get("text") for part in several(content.get("parts")))


def _texts_in(part: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(part.get("text"), str):
        yield part["text"]
    result = member(part, "functionResponse")
    if isinstance(result, Mapping):
        yield from _strings(result.get("response"))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def _map_part(part: Mapping[str, Any], function: Callable[[str], str]) -> dict[str, Any]:
    """The part with its text, or what a tool has answered, changed."""
    changed = dict(part)
    if isinstance(part.get("text"), str):
        changed["text"] = function(part["text"])
    name = spelling(part, "functionResponse")
    if isinstance(part.get(name), Mapping):
        changed[name] = {**part[name], "response": _map_strings(part[name].get("response"), function)}
    return changed


def _map_strings(value: Any, function: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return function(value)
    if isinstance(value, dict):
        return {name: _map_strings(each, function) for name, each in value.items()}
    return [_map_strings(each, function) for each in value] if isinstance(value, list) else value
