"""The neutral model of a request for embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from llmproxy.core.chat import Extra


@dataclass(frozen=True, slots=True)
class Embedding:
    """What is to be embedded.

    Attributes:
        model: The model's name, as the provider of this attempt knows it.
        inputs: One vector is wanted for each; a text, or the numbers of its tokens.
        dimensions: How long each vector should be; None leaves it to the model.
        encoding: Whether the client wants numbers, or base64 of little-endian float32.
        user: Who asks, as the client's own application names them.
    """

    model: str
    inputs: tuple[str | Sequence[int], ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    user: str | None = None
    extra: Extra = field(default_factory=dict)
