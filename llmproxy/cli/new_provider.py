"""`llmproxy new-provider`: a provider to begin with, and a test that it keeps the contract.

What is written is in `templates`, with `$gaps`.
"""

import importlib.util
import keyword
import os
import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from llmproxy.cli.source import config_option
from llmproxy.config.document import find_file
from llmproxy.core.origin import shown
from llmproxy.providers import PROVIDERS
from llmproxy.server.start import EXIT_CONFIG

KINDS = ("compatible", "http", "generator")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")


class BadName(click.ClickException):
    """A name that no provider can have."""

    exit_code = EXIT_CONFIG


@click.command("new-provider")
@config_option
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="http",
    show_default=True,
    help="compatible: the upstream speaks a dialect that is known here. http: it has words of its own. "
    "generator: it is not asked over HTTP.",
)
def new_provider_command(config_file: str | None, name: str, kind: str) -> None:
    """Write a provider and its test beside the configuration.

    What goes to standard output is the two lines that the configuration needs.
    """
    path = find_file(config_file, os.environ)
    folder = path.parent if path else Path()
    module = module_name(name, folder)
    values = {
        "name": name,
        "module": module,
        "cls": "".join(word.capitalize() for word in module.split("_")) + "Provider",
        "variable": f"{module.upper()}_API_KEY",
        "host": module.replace("_", "-"),
    }
    written = {folder / f"{module}.py": f"{kind}.txt", folder / f"test_{module}.py": f"test_{kind}.txt"}
    write_new({path: filled(template, values) for path, template in written.items()})
    for path in written:
        click.echo(f"wrote {shown(path.absolute())}", err=True)
    click.echo(f"try it with `pytest test_{module}.py`; the configuration needs:", err=True)
    click.echo(f'[llm.{name}]\nprovider = "{module}:{values["cls"]}"')


def module_name(name: str, folder: Path) -> str:
    """The module of a provider of this name.

    Raises:
        BadName: It can have none, or not this one: another module or provider is called so.
    """
    module = name.lower().replace("-", "_")
    if not _NAME.fullmatch(name):
        raise BadName(f"{name!r} cannot be the name of a provider: letters, digits and single dashes, a letter first")
    if keyword.iskeyword(module):
        raise BadName(f"{name!r} cannot be the name of a provider: it is a word of Python's own")
    if module in PROVIDERS.names():
        raise BadName(f"{name!r} is the name of a provider that is there already")
    if not (folder / f"{module}.py").exists() and importlib.util.find_spec(module) is not None:
        raise BadName(f"{name!r} is the name of a Python module that is installed; a file of this name would hide it")
    return module


def filled(template: str, values: dict[str, str]) -> str:
    """A template with these values in its gaps."""
    text = (files("llmproxy.cli") / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def write_new(texts: dict[Path, str]) -> None:
    """Writes files that are not there yet: all of them or none.

    Raises:
        click.ClickException: One of them is there, or its folder takes none.
    """
    for path in texts:
        if path.exists():
            raise click.ClickException(f"{shown(path.absolute())} is there already; nothing was written")
    try:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from error
