"""The same question in each client's dialect."""

from collections.abc import Callable
from typing import Any

Asking = Callable[[str, str, bool], tuple[dict[str, Any], dict[str, str]]]
"""Makes, of a prompt, a model and whether the answer is streamed, a body and what the path says."""


def _messages(prompt: str, model: str, stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}, {}


def _anthropic(prompt: str, model: str, stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    body, path = _messages(prompt, model, stream)
    return {**body, "max_tokens": 100}, path


def _completions(prompt: str, model: str, stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    return {"model": model, "prompt": prompt, "stream": stream}, {}


def _responses(prompt: str, model: str, stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    return {"model": model, "input": prompt, "stream": stream}, {}


def _gemini(prompt: str, model: str, stream: bool) -> tuple[dict[str, Any], dict[str, str]]:
    method = "streamGenerateContent" if stream else "generateContent"
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}, {"model": model, "method": method}


ASKING: dict[str, Asking] = {
    "anthropic.messages": _anthropic,
    "gemini.generate": _gemini,
    "ollama.chat": _messages,
    "openai.chat": _messages,
    "openai.completions": _completions,
    "openai.responses": _responses,
}
"""By client dialect."""
