"""Whether anybody still waits for the answer: the client, and the clock."""

from typing import Any

from flask import Request

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ClientGone, ParseError, ProviderTimeout
from llmproxy.transport.watchdog import WATCHDOG

TIMEOUT_HEADER = "x-llmproxy-timeout-ms"

# What servers put into the environ: gunicorn, and Werkzeug's own.
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


def set_deadline(context: RequestContext, request: Request, timeout_secs: float) -> None:
    """Says when the request is over: after the server's limit, or sooner if the client wants it so.

    Raises:
        ParseError: The client's own limit is no number of milliseconds.
    """
    wanted = request.headers.get(TIMEOUT_HEADER)
    if wanted is not None:
        if not (wanted.isascii() and wanted.isdigit() and int(wanted[:12]) > 0):
            raise ParseError(f"{TIMEOUT_HEADER}: Must be a number of milliseconds above 0.", param=TIMEOUT_HEADER)
        timeout_secs = min(timeout_secs, int(wanted[:12]) / 1000)
    context.deadline = context.started + timeout_secs


def guard(environ: dict[str, Any], context: RequestContext) -> None:
    """Has the request cancelled when its client leaves or its deadline passes, as long as it is not finished."""
    cancel = context.cancellation.cancel
    client = next((environ[name] for name in _SOCKETS if name in environ), None)
    if client is not None:
        watch = WATCHDOG.watch(client, lambda: cancel(ClientGone()))
        context.on_finish(lambda _: watch.end())
    if context.deadline is not None:
        late = ProviderTimeout(code="deadline_exceeded", detail=f"after {context.deadline - context.started:g} s")
        alarm = WATCHDOG.at(context.deadline, lambda: cancel(late))
        context.on_finish(lambda _: alarm.cancel())
