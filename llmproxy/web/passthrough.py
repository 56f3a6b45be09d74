"""Passing on what is asked of an llm's own API: who may, and what of the request goes on."""

from collections.abc import Iterable
from urllib.parse import quote, unquote

from flask import Request

from llmproxy.access.clients import Client
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import AccessDenied
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.raw import RawRequest
from llmproxy.dialects.base import ClientDialect
from llmproxy.web.respond import Rendered, answer

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

# What a request's head says of its body and of the answer it wants. Who sends it is told by the llm's own token.
_HEADERS = ("accept", "content-encoding", "content-type", "idempotency-key", "if-none-match", "if-range", "range")

# Somebody else's file is shown under this application's name: it must not act there.
_SANDBOX = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


def check_access(client: Client | None, llm: str) -> None:
    """Raises `AccessDenied` unless this client may use this llm's own API."""
    if client is not None and not client.may_pass_to(llm):
        raise AccessDenied()


def raw_request(
    request: Request, llm: str, path: str, body: bytes, context: RequestContext, forwarded: Iterable[str]
) -> RawRequest:
    """The request as it goes on.

    Args:
        request: What came.
        llm, path: What its path says, decoded.
        body, context: What is known of it besides.
        forwarded: The headers that dialects send on to upstreams of their own, lower case.
    """
    names = (*_HEADERS, *forwarded)
    headers = {name: request.headers[name] for name in names if name in request.headers}
    query = request.query_string.decode("utf-8", "replace")
    return RawRequest(context, llm, request.method, _encoded(request, path), query, headers, body)


def _encoded(request: Request, path: str) -> str:
    """The path as its client encoded it, where the server tells; WSGI itself has it decoded, and `%2F` like a slash."""
    told = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    rest = told.partition("?")[0].partition("/passthrough/")[2].partition("/")[2]
    return rest if unquote(rest) == path else quote(path)


def relayed(pipeline: Pipeline, request: RawRequest, dialect: ClientDialect) -> Rendered:
    """The answer of the llm's API, or our error in its place."""
    rendered = answer(pipeline, request, dialect)
    return rendered._replace(headers={**rendered.headers, **_SANDBOX})
