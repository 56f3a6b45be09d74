"""The list of models (https://platform.openai.com/docs/api-reference/models)."""

from collections.abc import Mapping
from typing import Any

from llmproxy.dialects.lookups import ListedModel, Lookup, Models

# No upstream is asked, so nobody knows when a model was made; clients want a number all the same.
_CREATED = 0


def list_models(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every model there is to see."""
    return {"object": "list", "data": [write_model(model) for model in models.listed()]}


def show_model(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The one that is asked for."""
    return write_model(models.find(asked["model"]))


def write_model(model: ListedModel) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": _CREATED, "owned_by": model.llm or "llmproxy"}


LOOKUPS = (Lookup("/v1/models", list_models), Lookup("/v1/models/<path:model>", show_model))
