"""Where an llm's token and base URL come from, if a plug-in says so: `token_provider = { type = "vault:Vault" }`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from llmproxy.config.classes import ClassTable, ClassTables
from llmproxy.config.locate import KeyPath
from llmproxy.config.report import Report
from llmproxy.config.schemas import PartSchema
from llmproxy.core.errors import ProviderError, TokenError
from llmproxy.core.origin import told
from llmproxy.core.registry import Registry
from llmproxy.core.tokens import TOKEN_PROVIDERS, TokenProvider
from llmproxy.core.urls import URL_PROVIDERS, UrlProvider


def with_parts(table: ClassTable, path: KeyPath, report: Report) -> ClassTable:
    """The `[llm.*]` table with its parts made; what is wrong with their tables is reported.

    A part that cannot be imported leaves the rest of the configuration alone: what stands in its place refuses every
    request, and `failure` says why.
    """
    for key in PARTS.keys() & (table.values or {}).keys():
        part = _load(key, (table.values or {})[key], (*path, key), report)
        if part is None:
            return replace(table, values=None)
        made, failure = part
        table = replace(table, values={**(table.values or {}), key: made}, failure=failure or table.failure)
    return table


def _load(key: str, written: Mapping[str, Any], path: KeyPath, report: Report) -> tuple[Any, str | None] | None:
    kind = PARTS[key]
    part = ClassTables(PartSchema(), "type", kind.registry, keywords=True).load(written, path, report)
    if part.failure:
        return kind.missing(part.failure), part.failure
    if part.found is None or part.values is None or part.options is None:
        return None
    try:
        return part.found(**part.options), None
    except Exception as error:  # a plug-in's failure may be anything; the config names it in one line
        report.wrong(path, f"cannot be built: {told(error)}")
        return None


class _MissingTokens(TokenProvider):
    """Stands in the place of one that cannot be imported."""

    def __init__(self, failure: str) -> None:
        self._failure = failure

    def get_token(self) -> str:
        raise TokenError(detail=self._failure)


class _MissingUrl(UrlProvider):
    """Stands in the place of one that cannot be imported."""

    def __init__(self, failure: str) -> None:
        self._failure = failure

    def get_url(self) -> str:
        raise ProviderError(code="llm_not_configured", detail=self._failure)


class _Kind(NamedTuple):
    """One kind of part.

    Attributes:
        registry: Where its classes are found.
        missing: What stands in the place of one that cannot be imported, for this reason.
    """

    registry: Registry[Any]
    missing: Callable[[str], Any]


PARTS: Mapping[str, _Kind] = {
    "token_provider": _Kind(TOKEN_PROVIDERS, _MissingTokens),
    "url_provider": _Kind(URL_PROVIDERS, _MissingUrl),
}
"""By their keys in `[llm.*]`."""
