"""The list of models (https://ai.google.dev/api/models)."""

from collections.abc import Mapping
from typing import Any

from llmproxy.dialects.lookups import ListedModel, Lookup, Models

_METHODS = ("generateContent", "streamGenerateContent", "countTokens")


def list_models(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every model there is to see, on one page."""
    return {"models": [write_model(model) for model in models.listed()]}


def show_model(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The one that is asked for."""
    return write_model(models.find(asked["model"]))


def write_model(model: ListedModel) -> dict[str, Any]:
    return {
        "name": f"models/{model.name}",
        "displayName": model.name,
        "supportedGenerationMethods": list(_METHODS),
    }


LOOKUPS = tuple(
    lookup
    for version in ("v1beta", "v1")  # Google's own SDK asks the latter unless it is told otherwise
    for lookup in (Lookup(f"/{version}/models", list_models), Lookup(f"/{version}/models/<path:model>", show_model))
)
