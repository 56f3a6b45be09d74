"""A chat request of Ollama's, and the edits that know where it keeps its options."""

from collections.abc import Mapping
from typing import Any, Self

from llmproxy.dialects.ollama_chat.parts import NAME
from llmproxy.dialects.openai_chat.request import ChatRequest

# What stands in `options` rather than beside it, by the names that a configuration's `params` may use.
IN_OPTIONS = {
    "max_tokens": "num_predict", "num_predict": "num_predict", "temperature": "temperature", "top_p": "top_p",
    "top_k": "top_k", "stop": "stop", "seed": "seed", "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}  # fmt: skip


class OllamaRequest(ChatRequest):
    """A call of `/api/chat`; its messages are built like OpenAI's, and their contents are always texts."""

    dialect = NAME

    @property
    def stream(self) -> bool:
        """Nothing said is yes."""
        return self.body.get("stream") is not False

    @property
    def max_tokens(self) -> int | None:
        return read_limit(self._options)

    @property
    def wants_usage(self) -> bool:
        """Always: it stands on the last line."""
        return True

    def with_max_tokens(self, limit: int) -> Self:
        return self._with_options(num_predict=limit)

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        inner = {IN_OPTIONS[name]: value for name, value in params.items() if name in IN_OPTIONS}
        missing = {name: value for name, value in inner.items() if self._options.get(name) is None}
        outer = super().with_defaults({name: value for name, value in params.items() if name not in IN_OPTIONS})
        return outer._with_options(**missing) if missing else outer

    @property
    def _options(self) -> Mapping[str, Any]:
        return self.body.get("options") or {}

    def _with_options(self, **members: Any) -> Self:
        return self.with_members(options={**self._options, **members})


def read_limit(options: Mapping[str, Any]) -> int | None:
    """The most tokens of output; None where nothing is said, or that there is no end (-1) but the context's (-2)."""
    limit = options.get("num_predict")
    return limit if limit is not None and limit >= 0 else None
