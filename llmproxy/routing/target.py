"""An llm and the model's name over there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request may be sent.

    Attributes:
        llm: A name of `[llm.*]`.
        model: The model's name over there.
        params: Members of the body for what the client leaves out.
        weight: Its share of the requests beside other targets, for policy "weighted".
    """

    llm: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    weight: float = 1
