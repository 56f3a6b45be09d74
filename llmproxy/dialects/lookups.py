"""What clients look up besides asking a model: which models there are, one of them, a version."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol


class ListedModel(NamedTuple):
    """A model as clients know it.

    Attributes:
        name: What they ask for.
        llm: Who answers; empty if that is nobody at present.
    """

    name: str
    llm: str


class Models(Protocol):
    """The models that one client may use."""

    def listed(self) -> Sequence[ListedModel]:
        """Those that are shown to whoever asks for all of them."""

    def find(self, name: str) -> ListedModel:
        """The one of this name, listed or only reachable.

        Raises:
            ModelNotFound: Nothing answers to it, or not for this client.
        """


@dataclass(frozen=True, slots=True)
class Lookup:
    """One thing that clients of a dialect look up.

    Attributes:
        path: Where, below any prefix.
        answer: Makes the body from the models and from what was asked: the path's placeholders by their names, or the
            members of a posted body.
        method: How; HEAD goes with GET.
        body: What must be posted, in JSON Schema.
    """

    path: str
    answer: Callable[[Models, Mapping[str, Any]], dict[str, Any]]
    method: Literal["GET", "POST"] = "GET"
    body: Mapping[str, Any] = field(default_factory=dict, hash=False)
