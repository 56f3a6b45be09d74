"""`llmproxy test-provider`: whether a provider keeps what every provider owes its callers."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from llmproxy.cli.source import config_option
from llmproxy.cli.table import aligned
from llmproxy.config.models import Config
from llmproxy.config.plugins import make_importable
from llmproxy.core.client import LLMClient
from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import Registry
from llmproxy.gateway import load_config
from llmproxy.providers import PROVIDERS
from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.known import built_in
from llmproxy.testing.contract.promises import Result, results
from llmproxy.testing.contract.subject import Subject

_CLASSES: Registry[Any] = Registry("provider", object, None, {})


@click.command("test-provider")
@config_option
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.pass_context
def test_provider_command(ctx: click.Context, config_file: str | None, name: str, as_json: bool) -> None:
    """Check a provider against a scripted upstream on this machine.

    NAME is an [llm.*] of the configuration, a provider, "module:Class", or "module:Class" of a ProviderContract, which
    also says what an upstream answers that nobody else knows. Exit code 1 if a check failed.
    """
    subject = find_subject(name, load_config(config_file))
    found = list(results(subject, CHECKS))
    if as_json:
        entries = [result._asdict() for result in found]
        click.echo(json.dumps({"provider": subject.name, "checks": entries}, indent=2))
    else:
        for line in _lines(subject, found):
            click.echo(line)
    if any(result.result == "failed" for result in found):
        ctx.exit(1)


def find_subject(name: str, config: Config) -> Subject:
    """What the name stands for.

    Raises:
        ConfigError: It stands for nothing that can be checked.
    """
    if ":" in name:
        return _subject_at(name)
    settings = config.llms.get(name)
    if settings is None or settings.detected:
        return built_in(name, PROVIDERS.get(name))
    subject = built_in(settings.provider, PROVIDERS.get(settings.provider))
    table = {key: getattr(settings, key) for key in ("headers", "paths", "supports_streaming")}
    return replace(subject, name=name, options={**subject.options, **settings.options}, settings=table)


def _subject_at(path: str) -> Subject:
    make_importable(Path.cwd(), first=True)
    found = _CLASSES.get(path)
    make = getattr(found, "subject", None)
    if make is not None:
        subject: Subject = make()
        return subject
    if not issubclass(found, LLMClient):
        raise ConfigError(f"{path} is neither a provider nor a ProviderContract")
    return Subject(found, name=path)


def _lines(subject: Subject, found: Iterable[Result]) -> Iterator[str]:
    found = list(found)
    yield from aligned([("PROMISE", "RESULT", ""), *found])
    counts = {each: sum(result.result == each for result in found) for each in ("passed", "failed", "not applicable")}
    yield ""
    yield f"{subject.name}: " + ", ".join(f"{count} {each}" for each, count in counts.items())
