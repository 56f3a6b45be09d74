"""The models that one client may use, for dialects to list."""

from collections.abc import Sequence

from llmproxy.core.errors import ModelNotFound
from llmproxy.dialects.lookups import ListedModel
from llmproxy.routing.catalog import Catalog


class ClientModels:
    """A catalog as one client sees it.

    Args:
        catalog: All there is. No upstream is asked.
        allowed: Globs of the names that the client may use; None allows all.
    """

    def __init__(self, catalog: Catalog, allowed: Sequence[str] | None) -> None:
        self._catalog = catalog
        self._allowed = allowed

    def listed(self) -> list[ListedModel]:
        return [ListedModel(name, llm) for name, llm in self._catalog.names(self._allowed)]

    def find(self, name: str) -> ListedModel:
        targets = self._catalog.resolve(name, self._allowed)
        if not targets:
            raise ModelNotFound(param="model")
        return ListedModel(name, targets[0].llm)
