"""Whether anybody still waits for the answer: the client, and the clock."""

import contextlib
import functools
import socket
import struct
import time
from typing import Any

from flask import Request

from llmproxy.config.models import ServerConfig
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ClientGone, ParseError, ProviderTimeout
from llmproxy.core.response import ResponseStream
from llmproxy.transport.watchdog import WATCHDOG
from llmproxy.web.sockets import client_socket

TIMEOUT_HEADER = "x-llmproxy-timeout-ms"

READ_ON_SECS = 60.0
READ_ON_BYTES = 8 * 1024 * 1024
"""How long, and how far, an answer is read on for its usage after its client has left."""

# waitress has no socket for us and answers when it is asked.
_GONE = "waitress.client_disconnected"
_ASK_SECS = 0.5


class Presence:
    """Who waits, and for how long, as `[server]` has it. Shared by all threads."""

    def __init__(self, server: ServerConfig) -> None:
        self._server = server
        self._send_timeout = struct.pack("@ll", *_seconds_and_microseconds(server.write_secs))

    def set_deadline(self, context: RequestContext, request: Request) -> None:
        """Says when the request is over: after the server's limit, or sooner if the client wants it so.

        Raises:
            ParseError: The client's own limit is no number of milliseconds.
        """
        wanted, secs = request.headers.get(TIMEOUT_HEADER), self._server.request_timeout_secs
        if wanted is not None:
            if not (wanted.isascii() and wanted.isdigit() and int(wanted[:12]) > 0):
                raise ParseError(f"{TIMEOUT_HEADER}: Must be a number of milliseconds above 0.", param=TIMEOUT_HEADER)
            secs = min(secs, int(wanted[:12]) / 1000)
        context.deadline = context.started + secs

    def guard(self, environ: dict[str, Any], context: RequestContext) -> None:
        """Has the request cancelled when its client leaves or reads nothing any more, or its deadline passes, as long
        as it is not finished."""
        client = client_socket(environ)
        leave = functools.partial(self.left, context)
        if client is not None:
            self._limit_sending(client)
            watch = WATCHDOG.watch(client, leave)
            context.on_finish(lambda _: watch.end())
        elif _GONE in environ:
            gone = environ[_GONE]
            context.ticker.look_every(_ASK_SECS, lambda: leave() if gone() else None)
        if context.deadline is not None:
            self._set_alarm(context, context.deadline)

    def left(self, context: RequestContext) -> None:
        """The client has gone. Called from any thread, and as often as somebody notices it."""
        if self._server.on_disconnect == "cancel":
            context.cancellation.cancel(ClientGone())
        elif not context.client_left:
            context.client_left = True
            WATCHDOG.at(time.monotonic() + READ_ON_SECS, lambda: context.cancellation.cancel(ClientGone()))

    def read_on(self, stream: ResponseStream, context: RequestContext) -> None:
        """Reads an answer that its client has left to its end, if that is wanted and not too far."""
        if self._server.on_disconnect == "cancel" or stream.ended or context.outcome is not None:
            return
        self.left(context)
        left = READ_ON_BYTES
        for piece in stream:
            left -= len(piece)
            if left < 0:
                return

    def keep_alive(self, context: RequestContext, tell: Any) -> None:
        """Has the client told something in a long silence; by `tell` as long as its answer has not begun."""
        if self._server.keepalive_secs:
            context.ticker.keep_alive(self._server.keepalive_secs, tell)

    def _set_alarm(self, context: RequestContext, deadline: float) -> None:
        detail = f"after {deadline - context.started:g} s"
        late = ProviderTimeout(code="deadline_exceeded", phase="request", detail=detail)
        alarm = WATCHDOG.at(deadline, lambda: context.cancellation.cancel(late))
        context.on_finish(lambda _: alarm.cancel())

    def _limit_sending(self, client: socket.socket) -> None:
        """Has a write fail that makes no progress for too long. The kernel's own limit is no mode of the socket's, so
        that the server finds it as it was."""
        with contextlib.suppress(OSError):  # a client that has gone is noticed in other ways
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._send_timeout)


def _seconds_and_microseconds(secs: float) -> tuple[int, int]:
    whole = int(secs)
    return whole, int((secs - whole) * 1_000_000)
