"""How the end of a command that went wrong is told: in one line and an exit code."""

from collections.abc import Iterator

import click

from llmproxy.core.errors import LLMProxyError
from llmproxy.server.start import EXIT_PORT

EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


class PortBusy(click.ClickException):
    """Somebody else listens where we should."""

    exit_code = EXIT_PORT


def told(error: LLMProxyError) -> str:
    """An error in one line, for whoever runs the proxy: with the cause, which clients are not told."""
    cause = next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    why = cause or error.detail
    line = " ".join((f"{error.message} ({why})" if why else error.message).split())
    return "".join(character if character.isprintable() else "?" for character in line)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to an error, the nearest first."""
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield cause
        yield from _causes(cause)
