"""`llmproxy serve`: checks everything that can be checked, and becomes gunicorn."""

import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from llmproxy.cli.banner import banner
from llmproxy.cli.failures import PortBusy
from llmproxy.cli.source import app_gateway, config_option
from llmproxy.config.models import Config
from llmproxy.config.server import variable_of
from llmproxy.core.errors import ConfigError
from llmproxy.gateway import load_config
from llmproxy.server.last_good import leave_for_gunicorn
from llmproxy.server.start import bind_address, checked_gateway, facts, free_port

SETTINGS = "python:llmproxy.server.settings"
APPLICATION = "llmproxy.app:create_app()"


@click.command("serve")
@config_option
@click.option("--host", help="The address to listen at.")
@click.option("--port", type=int, help="The port to listen at; 0 takes a free one.")
@click.option("--workers", type=int, help="Processes.")
@click.option("--threads", type=int, help="Requests at a time in each process.")
def serve_command(config_file: str | None, **options: Any) -> None:
    """Serve the configured llms over HTTP.

    Whatever else gunicorn can be told goes into GUNICORN_CMD_ARGS.
    """
    config_file = config_file or _file_of_app()
    overrides = {key: value for key, value in options.items() if value is not None}
    config = load_config(config_file, overrides=overrides)
    gateway = checked_gateway(config)
    port = _free_port(config.server.host, config.server.port)
    if port != config.server.port:
        overrides["port"] = port
    click.echo(banner(gateway, port))
    served = replace(config, server=replace(config.server, port=port))
    _become_gunicorn(served, _environment(config_file, overrides))


def _file_of_app() -> str | None:
    """The file of the current application's configuration; None where the usual one is meant."""
    gateway = app_gateway()
    if gateway is None or gateway.config == load_config():
        return None
    if gateway.config.path is None:
        raise ConfigError(
            "this application's configuration is not in a file: serve the application itself with gunicorn, "
            "or name a file with -c"
        )
    return str(gateway.config.path)


def _free_port(host: str, port: int) -> int:
    address = bind_address(host, port)
    try:
        return free_port(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"{address} is in use already; --port takes another one, 0 any that is free") from error
        raise ConfigError(f"[server] host and port: cannot listen at {address}: {error.strerror}") from error


def _environment(config_file: str | None, overrides: Mapping[str, Any]) -> dict[str, str]:
    """What gunicorn's settings and its workers, which load the configuration themselves, must know of our options."""
    variables = {variable_of(key): str(value) for key, value in overrides.items()}
    return {**variables, "LLMPROXY_CONFIG": os.path.abspath(config_file)} if config_file else variables


def _become_gunicorn(config: Config, variables: Mapping[str, str]) -> None:
    """Goes on as gunicorn in the same process, so that whoever started us can signal and wait for it.

    Its command line wins over `GUNICORN_CMD_ARGS`; so everything that need not stand there stands in the settings.
    """
    server = config.server
    options = {"bind": bind_address(server.host, server.port), "workers": server.workers, "threads": server.threads}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    os.environ.update({**variables, **leave_for_gunicorn(facts(config))})
    sys.stdout.flush()
    os.execvp(sys.executable, [sys.executable, "-m", "gunicorn", *arguments, "-c", SETTINGS, APPLICATION])
