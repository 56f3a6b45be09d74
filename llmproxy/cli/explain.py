"""`llmproxy explain`: what would become of a request, without sending anything."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click

from llmproxy.cli.dry_run import DryRun, dry_run
from llmproxy.cli.source import config_option, find_gateway
from llmproxy.cli.stdin import read_stdin
from llmproxy.config.report import did_you_mean
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import PathNotFound
from llmproxy.gateway import Endpoint, Gateway


@click.command("explain")
@config_option
@click.argument("path")
@click.argument("body_file", metavar="BODY.json")
def explain_command(config_file: str | None, path: str, body_file: str) -> None:
    """Say what would become of a request to PATH with this body, without sending anything.

    PATH is below the proxy's own prefix, as /v1/chat/completions; BODY.json may be - for standard input.
    """
    gateway = find_gateway(config_file)
    endpoint, context = find_endpoint(gateway, path)
    run = dry_run(gateway, endpoint, context, _read(body_file))
    click.echo(json.dumps(explanation(gateway, run), indent=2))
    for remark in run.remarks:
        click.echo(f"note: {remark}", err=True)


def explanation(gateway: Gateway, run: DryRun) -> dict[str, Any]:
    """A dry run as it is told."""
    return {
        "route": run.endpoint.route,
        "dialect": run.endpoint.dialect.name,
        "client": run.context.client,
        "processors": run.processors,
        "targets": [target.entry() for target in run.targets],
        "dropped": list(dict.fromkeys(name for target in run.targets for name in target.dropped)),
        "deadlines": _deadlines(gateway, run),
    }


def find_endpoint(gateway: Gateway, address: str) -> tuple[Endpoint, RequestContext]:
    """The endpoint at a path, which may have a query, and the context of a request there.

    Raises:
        PathNotFound: There is none.
    """
    parts = urlsplit(address)
    path = "/" + unquote(parts.path).lstrip("/")
    found = gateway.find(path)
    if found is None:
        raise PathNotFound(f"No request can be sent to {path}.{did_you_mean(path, gateway.endpoints)}")
    endpoint, said = found
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return endpoint, RequestContext(route=endpoint.route, path=said, query=query)


def _deadlines(gateway: Gateway, run: DryRun) -> dict[str, float]:
    """Of the whole exchange, and of an attempt at the first target that is asked over HTTP."""
    config = gateway.config
    first = next((target.llm for target in run.targets if target.url), None)
    phases = asdict(config.llms[first].timeouts) if first else {}
    return {"request_timeout_secs": config.server.request_timeout_secs, **phases}


def _read(name: str) -> bytes:
    if name == "-":
        return read_stdin("Type the body, and end it with Ctrl-D.")
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{name}: cannot be read: {error.strerror}") from error
