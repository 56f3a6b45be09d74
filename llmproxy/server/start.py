"""What stands before gunicorn: a configuration that can be used, and an address that may be listened at."""

import ipaddress
import sys
from collections.abc import Callable

from llmproxy.config.models import Config
from llmproxy.core.errors import ConfigError

EXIT_CONFIG = 2
EXIT_PORT = 3


def usable_or_exit(load: Callable[[], Config]) -> Config:
    """The configuration, or its problems on standard error and exit code 2."""
    try:
        config = load()
        check_exposure(config)
    except ConfigError as error:
        for problem in error.problems:
            print(f"llmproxy: {problem}", file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None
    return config


def check_exposure(config: Config) -> None:
    """Refuses to listen beyond this machine for anybody who comes.

    Raises:
        ConfigError: Neither clients nor `auth = "none"` are configured.
    """
    server = config.server
    if server.auth == "auto" and not config.clients and not _is_loopback(server.host):
        raise ConfigError(
            f"[server] host {server.host!r} is reachable from other machines: "
            'configure a [client.NAME], or say auth = "none"'
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
