"""The list of models, in OpenAI's shape (https://platform.openai.com/docs/api-reference/models)."""

from collections.abc import Sequence
from typing import Any

from llmproxy.core.errors import ModelNotFound
from llmproxy.routing.catalog import Catalog

# No upstream is asked, so nobody knows when a model was made; clients want a number all the same.
_CREATED = 0


def list_models(catalog: Catalog, allowed: Sequence[str] | None) -> dict[str, Any]:
    """Every model this client may use."""
    return {"object": "list", "data": [_entry(name, llm) for name, llm in catalog.names(allowed)]}


def show_model(catalog: Catalog, name: str, allowed: Sequence[str] | None) -> dict[str, Any]:
    """One model, listed or only reachable.

    Raises:
        ModelNotFound: Nothing answers to this name, or not for this client.
    """
    targets = catalog.resolve(name, allowed)
    if not targets:
        raise ModelNotFound(param="model")
    return _entry(name, targets[0].llm)


def _entry(name: str, llm: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": llm or "llmproxy"}
