"""What stands before gunicorn: a configuration that can be used, and an address that may be listened at.

As a program it writes what gunicorn has to know of the configuration, as JSON, or ends with exit code 2.
"""

import contextlib
import ipaddress
import json
import socket
import sys
from dataclasses import fields

from llmproxy.config.models import Config
from llmproxy.core.errors import ConfigError
from llmproxy.gateway import Gateway, load_config

EXIT_CONFIG = 2
EXIT_PORT = 3


def usable_or_exit() -> Config:
    """The configuration, or exit code 2; its warnings or its problems on standard error."""
    try:
        gateway = checked_gateway(load_config())
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None
    for warning in gateway.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return gateway.config


def checked_gateway(config: Config) -> Gateway:
    """What the configuration describes, once it is certain that it may be served.

    Raises:
        ConfigError: It may not, or something in it cannot be built: better here, in one line, than in each worker.
    """
    check_exposure(config)
    return Gateway(config)


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


def bind_address(host: str, port: int) -> str:
    """Host and port in one, as gunicorn reads them and URLs write them; an IPv6 address gets its brackets."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def facts(config: Config) -> str:
    """What gunicorn's settings have to know of the configuration, and its file for the workers, as JSON. The file may
    hold a password, so this goes from process to process and stays in memory."""
    server = config.server
    known = {field.name: getattr(server, field.name) for field in fields(server) if field.repr}
    path = None if config.path is None else str(config.path)
    known["bind"] = bind_address(server.host, server.port)
    return json.dumps({"server": known, "path": path, "text": config.text})


def free_port(host: str, port: int) -> int:
    """The port, once it is certain that it can be listened at. For 0 it is one that is free.

    Raises:
        OSError: It is in use (`EADDRINUSE`), or not this machine's or not ours to listen at.
    """
    bare = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn has it
        try:
            listener.bind((bare, port))
        except UnicodeError as error:
            raise OSError(0, "this is no name of a host") from error
        listener.listen(1)
        return int(listener.getsockname()[1])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # a plug-in may print what it likes
        usable = usable_or_exit()
    print(facts(usable))
