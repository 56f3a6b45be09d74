"""Which llms are on, and which are off and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmproxy.cli.table import aligned
from llmproxy.config import token_names
from llmproxy.gateway import Gateway

NO_KEY = "needs no key"


@dataclass(frozen=True, slots=True)
class Status:
    """One llm.

    Attributes:
        reason: What would switch it on; None if it is on.
        keys: The variables that its tokens were found in, or the class that gives them.
    """

    name: str
    provider: str
    reason: str | None = None
    keys: tuple[str, ...] = ()

    @property
    def on(self) -> bool:
        return self.reason is None


def statuses(gateway: Gateway) -> list[Status]:
    """Every llm, those that are on first."""
    off = [Status(llm.name, llm.provider, llm.reason) for llm in gateway.off]
    names = {status.name for status in off}
    on = [
        Status(name, settings.provider, None, _keys(name, gateway))
        for name, settings in gateway.config.llms.items()
        if name not in names
    ]
    return [*on, *off]


def status_lines(found: Sequence[Status]) -> Iterator[str]:
    """A line for each llm: by which variable it is on, or what would switch it on."""
    yield from aligned(
        (
            (status.name, "on" if status.on else "off", status.reason or ", ".join(status.keys) or NO_KEY)
            for status in found
        ),
        "  ",
    )


def remarks(gateway: Gateway) -> Iterator[str]:
    """A line for each thing to look at, and for each that has no effect yet."""
    yield from (f"warning: {warning}" for warning in gateway.warnings)
    yield from gateway.config.no_effect


def _keys(name: str, gateway: Gateway) -> tuple[str, ...]:
    settings = gateway.config.llms[name]
    if settings.token_provider is not None:
        return (type(settings.token_provider).__name__,)
    variables = token_names(settings.token_env, settings.base_url, type(gateway.llms[name]))
    return tuple(variable for variable in variables if settings.environment.get(variable))
