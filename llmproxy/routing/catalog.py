"""Model names: what each of them reaches."""

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from llmproxy.core.errors import ModelNotFound
from llmproxy.routing.target import Target

MAX_NAME = 256
_REMEMBERED = 1024
ECHO = "echo"
_PATH_OR_URL = re.compile(r"\.\.|://|[?#%\\]")


@dataclass(frozen=True, slots=True)
class Listing:
    """What an llm says of its models.

    Attributes:
        llm: Its name.
        provider: Its provider's name.
        models: What a bare name may reach; empty if the configuration does not say.
        patterns: Globs of names that are the provider's own.
    """

    llm: str
    provider: str
    models: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class Catalog:
    """Finds the targets of a model name.

    In this order: a `[model.*]` name; `llm/model`; a bare name that exactly one llm's `models` match, else exactly one
    provider's well-known patterns; the only llm besides echo, if it does not say which models it has.

    Args:
        models: The targets of each `[model.*]` name.
        listings: The llms, those without their token too: what is meant for them goes to no other.
    """

    def __init__(self, models: Mapping[str, Sequence[Target]], listings: Iterable[Listing]) -> None:
        self._models = dict(models)
        self._listings = {listing.llm: listing for listing in listings}
        self._find = functools.lru_cache(_REMEMBERED)(self._search)

    def resolve(self, name: str, allowed: Sequence[str] | None = None) -> Sequence[Target]:
        """The targets of `name`, the preferred one first.

        Args:
            name: As the client wrote it.
            allowed: Globs of the names this client may use; None allows all.

        Raises:
            ModelNotFound: Nothing answers to it, or not for this client.
        """
        self.check(allowed, name)
        targets = self._find(name)
        if targets is None:
            raise self._not_found(name, allowed)
        return targets

    def has_model(self, name: str) -> bool:
        """Whether there is a `[model.*]` of this name."""
        return name in self._models

    def check(self, allowed: Sequence[str] | None, *names: str) -> None:
        """Raises `ModelNotFound` for names no model could have, and where a client may use none of them."""
        if not all(_reasonable(name) for name in names):
            raise ModelNotFound("The model's name is not one that any model could have.", param="model")
        if allowed is not None and not any(_matches(name, allowed) for name in names):
            raise self._not_found(names[0], allowed)

    def names(self, allowed: Sequence[str] | None = None) -> list[tuple[str, str]]:
        """What is listed, as (name, llm): `[model.*]` names, entries of `models` that are no globs, and echo."""
        listed = {name: targets[0].llm if targets else "" for name, targets in self._models.items()}
        for listing in self._listings.values():
            for model in listing.models:
                if not _is_glob(model):
                    listed.setdefault(model, listing.llm)
        if ECHO in self._listings:
            listed.setdefault(ECHO, ECHO)
        return [(name, llm) for name, llm in listed.items() if allowed is None or _matches(name, allowed)]

    def provider_of(self, llm: str) -> str:
        """The name of an llm's provider; empty for an llm that is not there."""
        listing = self._listings.get(llm)
        return listing.provider if listing else ""

    def _search(self, name: str) -> Sequence[Target] | None:
        if name in self._models:
            return self._models[name]
        llm, slash, model = name.partition("/")
        if slash and model and llm in self._listings:
            return [Target(llm, model)]
        found = self._by_bare_name(name)
        return None if found is None else [Target(found, name)]

    def _by_bare_name(self, name: str) -> str | None:
        if name == ECHO and ECHO in self._listings:
            return ECHO
        listings = self._listings.values()
        listed = [listing.llm for listing in listings if _matches(name, listing.models)]
        if listed:
            return listed[0] if len(listed) == 1 else None
        known = [listing.llm for listing in listings if not listing.models and _matches(name, listing.patterns)]
        if known:
            return known[0] if len(known) == 1 else None
        others = [listing for listing in listings if listing.provider != ECHO]
        return others[0].llm if len(others) == 1 and not others[0].models else None

    def _not_found(self, name: str, allowed: Sequence[str] | None) -> ModelNotFound:
        names = [listed for listed, _ in self.names(allowed)]
        shown = name.encode("ascii", "backslashreplace").decode()
        close = difflib.get_close_matches(name, names, n=1)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        message = f'The model "{shown}" does not exist or you do not have access to it.{hint}'
        return ModelNotFound(message, param="model")


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _is_glob(name: str) -> bool:
    return any(char in name for char in "*?[")


def _reasonable(name: str) -> bool:
    """A name that may be looked up, logged and sent on: printable, composed, and no path or URL in disguise."""
    return (
        0 < len(name) <= MAX_NAME
        and name.isprintable()
        and unicodedata.is_normalized("NFC", name)
        and not _PATH_OR_URL.search(name)
    )
