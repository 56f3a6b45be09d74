"""The list of models, one of them, and the version (https://docs.ollama.com/api/tags)."""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.errors import ParseError
from llmproxy.dialects.lookups import Lookup, Models

# The Ollama whose dialect this is: clients ask before they use what older ones lack, as ids of calls and logprobs.
_VERSION = "0.12.11"

# No upstream is asked, so nobody knows when a model was made; clients want a date all the same.
_MODIFIED_AT = "1970-01-01T00:00:00Z"

# Of the file that a model is not.
_DETAILS = {
    "parent_model": "", "format": "", "family": "", "families": [], "parameter_size": "", "quantization_level": "",
}  # fmt: skip

# What the dialect can carry to any model. Tools offer their own only where this says that they may.
_CAPABILITIES = ("completion", "tools", "vision")

# Where a model is named; the latter by older clients.
_NAMES = ("model", "name")
_ASKED = {
    "type": "object",
    "anyOf": [
        {"required": [member], "properties": {member: {"type": "string", "minLength": 1}}} for member in _NAMES
    ],
}


def list_models(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Every model there is to see."""
    return {"models": [_write_model(model.name) for model in models.listed()]}


def _write_model(name: str) -> dict[str, Any]:
    return {"name": name, "model": name, "modified_at": _MODIFIED_AT, "size": 0, "digest": "", "details": _DETAILS}


def show_model(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The one that is asked for."""
    name = next((asked[member] for member in _NAMES if isinstance(asked.get(member), str) and asked[member]), None)
    if name is None:
        raise ParseError("model: Missing data for required field.", param="model")
    models.find(name)
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _DETAILS,
        "model_info": {},
        "capabilities": list(_CAPABILITIES),
        "modified_at": _MODIFIED_AT,
    }


def show_version(models: Models, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The version that clients can rely on."""
    return {"version": _VERSION}


LOOKUPS = (
    Lookup("/api/tags", list_models),
    Lookup("/api/show", show_model, method="POST", body=_ASKED),
    Lookup("/api/version", show_version),
)
