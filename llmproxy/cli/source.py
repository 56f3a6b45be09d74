"""Which configuration a command works with: that of `-c`, else the current Flask application's, else the usual one."""

from pathlib import Path
from typing import Any

import click

from llmproxy.gateway import Gateway, load_config

_WHERE_FLASK_LOOKS = ("wsgi.py", "app.py")

config_option = click.option(
    "-c",
    "--config",
    "config_file",
    metavar="FILE",
    help="The configuration. Default: what LLMPROXY_CONFIG names, else llmproxy.toml here, else nothing at all.",
)


def find_gateway(config_file: str | None) -> Gateway:
    """The gateway to work with.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    return (None if config_file else app_gateway()) or Gateway(load_config(config_file))


def app_gateway() -> Gateway | None:
    """The gateway of the application that `flask llmproxy ...` is about, its first one if it has several.

    None if there is no such application, or no proxy in it.
    """
    script: Any = click.get_current_context().obj  # under `flask` its ScriptInfo, whose class would cost an import
    if not hasattr(script, "load_app") or not _names_app(script):
        return None
    proxies = script.load_app().extensions.get("llmproxy")
    gateway: Gateway | None = proxies[0].gateway if proxies else None
    return gateway


def _names_app(script: Any) -> bool:
    """Whether Flask would find an application: it has one error for none and for one that is broken."""
    return bool(script.create_app or script.app_import_path) or any(Path(name).is_file() for name in _WHERE_FLASK_LOOKS)
