"""The client's own socket, where the server lets us see it."""

import socket
from collections.abc import Mapping
from typing import Any

# What servers put into the environ: gunicorn, and Werkzeug's own.
_NAMES = ("gunicorn.socket", "werkzeug.socket")


def client_socket(environ: Mapping[str, Any]) -> socket.socket | None:
    """The socket that a request came on; None under a server that keeps it to itself."""
    return next((environ[name] for name in _NAMES if name in environ), None)
