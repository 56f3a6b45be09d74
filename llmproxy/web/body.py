"""A request's body: its media type checked, read under a cap and within a time."""

import contextlib
import socket
import time

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from llmproxy.core.errors import ParseError, RequestError, RequestTooLarge, UnsupportedMedia
from llmproxy.transport.watchdog import WATCHDOG
from llmproxy.web.sockets import client_socket

JSON = "application/json"
BODY_SECS = 30.0
"""How long a body may take to arrive."""


def read_body(request: Request, limit: int, deadline: float | None = None) -> bytes:
    """The bytes of a JSON body.

    Args:
        request: Whose body it is.
        limit: How many bytes it may have.
        deadline: When the request is over, in seconds of the monotonic clock.

    Raises:
        UnsupportedMedia: It says that it is something else than JSON in UTF-8, or that it is compressed.
        RequestTooLarge: It has more than `limit` bytes, whether it said so or not.
        RequestError: It did not arrive in time.
    """
    _check_media(request)
    return read_bytes(request, limit, deadline)


def read_bytes(request: Request, limit: int, deadline: float | None = None) -> bytes:
    """The bytes of a body, whatever they are; see `read_body`."""
    if (request.content_length or 0) > limit:
        raise RequestTooLarge()
    # A chunked body is silently cut where Werkzeug's own limit is: so ask for one byte more, and look.
    request.max_content_length = limit + 1
    patience = _Patience(request, deadline)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise RequestTooLarge() from error
    except ClientDisconnected as error:
        raise ParseError("The body is shorter than it was said to be.", code="invalid_json") from error
    except Exception as error:  # the server's own, of whatever kind: chunks that are none
        raise ParseError("The body could not be read.", code="invalid_json") from error
    finally:
        patience.end()
    if len(body) > limit:
        raise RequestTooLarge()
    return body


class _Patience:
    """Waits no longer for a body than until a deadline: a byte now and then would keep a thread for ever.

    Under a server that keeps the client's socket to itself, waiting is the server's affair.
    """

    def __init__(self, request: Request, deadline: float | None) -> None:
        self._late = False
        self._alarm = None
        client = client_socket(request.environ)
        if client is not None and (request.content_length or "HTTP_TRANSFER_ENCODING" in request.environ):
            last = time.monotonic() + BODY_SECS
            self._alarm = WATCHDOG.at(last if deadline is None else min(last, deadline), lambda: self._lose(client))

    def end(self) -> None:
        """Called once the body is there, or is not to be expected any more.

        Raises:
            RequestError: Time was up before.
        """
        if self._alarm is not None:
            self._alarm.cancel()
        if self._late:
            raise RequestError("The body did not arrive in time.", code="deadline_exceeded", status=408)

    def _lose(self, client: socket.socket) -> None:
        self._late = True
        with contextlib.suppress(OSError):  # it has gone by itself
            socket.socket.shutdown(client, socket.SHUT_RD)  # a TLS socket's own method would end its answers


def _check_media(request: Request) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("The body must not be compressed.")
    if request.headers.get("Content-Type") in (None, JSON):
        return
    if request.mimetype != JSON:
        raise UnsupportedMedia()
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The body must be in UTF-8.")
