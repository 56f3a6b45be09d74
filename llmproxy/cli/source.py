"""Which configuration a command works with: the one of `-c`, else the current Flask application's, else the usual one."""

from pathlib import Path

import click
from flask.cli import ScriptInfo

from llmproxy.app import EXTENSION
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
    script = click.get_current_context().find_object(ScriptInfo)
    if script is None or not _names_app(script):
        return None
    proxies = script.load_app().extensions.get(EXTENSION)
    return proxies[0].gateway if proxies else None


def _names_app(script: ScriptInfo) -> bool:
    """Whether Flask would find an application; asked before, as it has one error for none and for one that is broken."""
    return bool(script.create_app or script.app_import_path) or any(Path(name).is_file() for name in _WHERE_FLASK_LOOKS)
