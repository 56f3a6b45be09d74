"""The command line: `llmproxy ...`, and `flask llmproxy ...` for an application that has the proxy inside."""

import click

import llmproxy
from llmproxy.cli.commands import Commands

__all__ = ["group", "main"]

COMMANDS = {
    "chat": "llmproxy.cli.chat:chat_command",
    "check": "llmproxy.cli.check:check_command",
    "explain": "llmproxy.cli.explain:explain_command",
    "models": "llmproxy.cli.models:models_command",
    "new-provider": "llmproxy.cli.new_provider:new_provider_command",
    "serve": "llmproxy.cli.serve:serve_command",
    "test-provider": "llmproxy.cli.contract:test_provider_command",
}


@click.group("llmproxy", cls=Commands, table=COMMANDS)
@click.version_option(llmproxy.__version__, prog_name="llmproxy", message="%(prog)s %(version)s")
def group() -> None:
    """A proxy for LLMs: one place for keys, models and limits, many dialects, answers as they come."""


def main() -> None:
    """What the console script and `python -m llmproxy` run."""
    group.main(prog_name="llmproxy")
