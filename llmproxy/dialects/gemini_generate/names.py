"""How Google spells members: camelCase, and snake_case all the same, as every API of theirs that is made from protocol
buffers (https://protobuf.dev/programming-guides/json/)."""

import re
from collections.abc import Mapping
from typing import Any

NAME = "gemini.generate"

# What these hold is the client's own: arguments, answers of tools, schemas, labels.
_OPAQUE = frozenset({
    "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels",
    "partMetadata", "headers",
})  # fmt: skip
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


def camel_cased(value: Any) -> Any:
    """The same value with all its members in camelCase, down to where the names are the client's own."""
    if isinstance(value, Mapping):
        named = {_camel(name): each for name, each in value.items()}
        return {name: each if name in _OPAQUE else camel_cased(each) for name, each in named.items()}
    return [camel_cased(each) for each in value] if isinstance(value, list) else value


def spelling(said: Mapping[str, Any], name: str) -> str:
    """The name under which an object has the member `name`, or would have it."""
    snake = _CAPITAL.sub(lambda match: f"_{match[0].lower()}", name)
    return snake if snake in said and name not in said else name


def member(said: Mapping[str, Any], name: str) -> Any:
    """The member `name`, however it is spelled; None if there is none."""
    return said.get(spelling(said, name))


def several(value: Any) -> list[Any]:
    """A list; Google's own examples leave the brackets out around a single part."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def resource(model: str) -> str:
    """The name of a model's resource: `models/gemini-2.5-flash`, unless it says of which kind it is."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def _camel(name: str) -> str:
    if "_" not in name or name.startswith("_"):
        return name
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
