"""How a command ends where something went wrong: in one line and an exit code, never in a traceback."""

import logging
from collections.abc import Iterator
from typing import Any

import click

from llmproxy.core.errors import ConfigError, LLMProxyError
from llmproxy.server.start import EXIT_CONFIG, EXIT_PORT

EXIT_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


class Commands(click.Group):
    """A group whose commands raise our errors and leave the telling to it."""

    def invoke(self, ctx: click.Context) -> Any:
        # What the library logs is for servers; without a handler, Python would print its warnings between our lines.
        logging.getLogger("llmproxy").addHandler(logging.NullHandler())
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            ctx.exit(EXIT_CONFIG)
        except LLMProxyError as error:
            raise click.ClickException(told(error)) from error
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)


class PortBusy(click.ClickException):
    """Somebody else listens where we should."""

    exit_code = EXIT_PORT


def told(error: LLMProxyError) -> str:
    """An error in one line, for whoever runs the proxy: with the cause, which clients are not told."""
    cause = next((cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    why = cause or error.detail
    line = " ".join(f"{error.message} ({why})".split() if why else error.message.split())
    return "".join(character if character.isprintable() else "?" for character in line)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to an error, the nearest first."""
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield cause
        yield from _causes(cause)
