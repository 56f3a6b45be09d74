"""`llmproxy check`: whether the configuration can be used, and what is on."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import click

from llmproxy.cli.ping import Ping, ping_all
from llmproxy.cli.source import app_gateway, config_option
from llmproxy.cli.status import Status, remarks, status_lines, statuses
from llmproxy.core.errors import ConfigError
from llmproxy.gateway import Gateway, load_config
from llmproxy.server.start import EXIT_CONFIG, checked_gateway

# "llmproxy.toml:21: ...", ".env: ...", but not "[server] host ...: ..." or "provider 'x' cannot be loaded: ...".
_FILE = r"""(?![\[-])(?=[^:]*[./])(?:(?!: )[^"'])+?"""
_PLACE = re.compile(rf"(?P<file>{_FILE})(?::(?P<line>\d+))?: (?P<message>.*)", re.DOTALL)


@click.command("check")
@config_option
@click.option("--ping", is_flag=True, help="Also ask each llm that is on for its list of models.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.pass_context
def check_command(ctx: click.Context, config_file: str | None, ping: bool, as_json: bool) -> None:
    """Check the configuration; say which llms are on, which are off and why.

    Exit code 0 if all is well, 2 if the configuration cannot be used or an llm did not answer its ping.
    """
    try:
        gateway = (None if config_file else app_gateway()) or checked_gateway(load_config(config_file))
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(_as_json([], {}, error.problems))
        ctx.exit(EXIT_CONFIG)
    found = statuses(gateway)
    pings = ping_all(gateway, [status.name for status in found if status.on]) if ping else {}
    if as_json:
        click.echo(_as_json(found, pings))
    else:
        _print(gateway, found, pings)
    if _failures(pings):
        ctx.exit(EXIT_CONFIG)


def problem_entry(problem: str) -> dict[str, Any]:
    """A problem's line as file, line and message; file and line are None where it stands in no file."""
    match = _PLACE.fullmatch(problem)
    if match is None:
        return {"file": None, "line": None, "message": problem}
    line = match["line"]
    return {"file": match["file"], "line": int(line) if line else None, "message": match["message"]}


def _as_json(found: Iterable[Status], pings: Mapping[str, Ping], problems: Iterable[str] = ()) -> str:
    entries = [problem_entry(problem) for problem in problems]
    llms = [_llm_entry(status, pings.get(status.name, Ping())) for status in found]
    return json.dumps({"ok": not entries and not _failures(pings), "llms": llms, "problems": entries}, indent=2)


def _llm_entry(status: Status, ping: Ping) -> dict[str, Any]:
    return {
        "name": status.name,
        "provider": status.provider,
        "on": status.on,
        "reason": status.reason or ping.failure,
        "ping_ms": ping.milliseconds,
    }


def _print(gateway: Gateway, found: Iterable[Status], pings: Mapping[str, Ping]) -> None:
    path = gateway.config.path
    click.echo(f"{path or 'no configuration file'}: can be used")
    for line in [*status_lines(list(found)), *remarks(gateway)]:
        click.echo(line)
    for name, ping in pings.items():
        click.echo(f"ping {name}: {ping.failure or f'{ping.milliseconds} ms'}", err=ping.failure is not None)


def _failures(pings: Mapping[str, Ping]) -> list[str]:
    return [name for name, ping in pings.items() if ping.failure]
