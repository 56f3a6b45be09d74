"""The list of models (https://platform.claude.com/docs/en/api/models/list)."""

from collections.abc import Mapping
from typing import Any

from llmproxy.dialects.lookups import ListedModel, Lookup, Models

# No upstream is asked, so nobody knows when a model was made; the vendor itself says this where it does not know.
_CREATED = "1970-01-01T00:00:00Z"


def list_models(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every model there is to see, on one page."""
    data = [write_model(model) for model in models.listed()]
    ids = [model["id"] for model in data] or [None]
    return {"data": data, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}


def show_model(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The one that is asked for."""
    return write_model(models.find(asked["model"]))


def write_model(model: ListedModel) -> dict[str, Any]:
    return {"type": "model", "id": model.name, "display_name": model.name, "created_at": _CREATED}


LOOKUPS: tuple[Lookup, ...] = (Lookup("/v1/models", list_models), Lookup("/v1/models/<path:model>", show_model))
