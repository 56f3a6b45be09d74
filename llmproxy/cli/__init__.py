"""The command line: `llmproxy ...`, and `flask llmproxy ...` for an application that has the proxy inside."""

import click

import llmproxy
from llmproxy.cli.chat import chat_command
from llmproxy.cli.check import check_command
from llmproxy.cli.explain import explain_command
from llmproxy.cli.failures import Commands
from llmproxy.cli.models import models_command
from llmproxy.cli.serve import serve_command

__all__ = ["group", "main"]


@click.group("llmproxy", cls=Commands)
@click.version_option(llmproxy.__version__, prog_name="llmproxy", message="%(prog)s %(version)s")
def group() -> None:
    """A proxy for LLMs: one place for keys, models and limits, many dialects, answers as they come."""


for _command in (serve_command, check_command, models_command, chat_command, explain_command):
    group.add_command(_command)


def main() -> None:
    """What the console script and `python -m llmproxy` run."""
    group.main(prog_name="llmproxy")
