"""The group of all commands: found in a table when they are called, ended by exit codes where something goes wrong."""

import importlib
import logging
from collections.abc import Mapping
from typing import Any

import click

from llmproxy.cli.failures import EXIT_INTERRUPTED, told
from llmproxy.core.errors import ConfigError, LLMProxyError
from llmproxy.server.start import EXIT_CONFIG

# What the library logs is for servers. Without any handler, Python would print its warnings between our lines.
_NOWHERE = logging.NullHandler()


class Commands(click.Group):
    """Imports a command when it is called, so that none pays for another's imports; tells of its errors in its place.

    Args:
        table: Each command's name and where it is, as "module:attribute".
    """

    def __init__(self, *args: Any, table: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        logging.getLogger("llmproxy").addHandler(_NOWHERE)
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
