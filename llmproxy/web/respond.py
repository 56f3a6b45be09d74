"""From an answer or an error to a WSGI response.

The attempt runs in the `__call__` of a late response and not in the view: the 200 of a stream is not sent before its
first event, and a host application may throw a view's response away, in which case nothing was taken.
"""

from __future__ import annotations

import functools
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import flask
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import ClosingIterator

from llmproxy.core import strict_json
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.dialects.base import ClientDialect
from llmproxy.web.presence import guard

log = logging.getLogger(__name__)

# What a host that compresses or counts every response has said of one that had no content yet.
_OF_CONTENT = frozenset({"content-encoding", "content-length", "etag", "content-range", "accept-ranges"})

# An upstream's code goes into a header only if it looks like one.
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")

# What Retry-After says where nobody knows better: soon, or, for those who only read the status, not so soon.
_RETRY_SECS = 1
_NO_RETRY_SECS = 60


class Rendered(NamedTuple):
    """What a response consists of. `body` is closed by whoever iterates it."""

    status: int
    headers: dict[str, str]
    body: Iterable[bytes]


class _Late:
    """A response that is made when the server calls it."""

    render: Callable[[], Rendered]
    context: RequestContext
    headers: Any
    close: Callable[[], None]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        guard(environ, self.context)
        rendered = self.render()
        closers = [getattr(rendered.body, "close", None), self.close]
        body = ClosingIterator(rendered.body, [close for close in closers if close is not None])
        try:
            start_response(status_line(rendered.status), merged(self.headers, rendered.headers))
        except BaseException:
            body.close()
            raise
        return body


def late_response(render: Callable[[], Rendered], context: RequestContext) -> flask.Response:
    """A response of the application's own class, which Flask would otherwise copy, whose content `render` makes."""
    base: Any = flask.current_app.response_class
    # Not JSON yet: a host that looks into every JSON response would find nothing to read.
    response: flask.Response = _late_class(base)(status=200, content_type="application/octet-stream")
    response.render, response.context = render, context  # type: ignore[attr-defined]
    return response


def answer(pipeline: Pipeline, request: LLMRequest, dialect: ClientDialect) -> Rendered:
    """The answer to a request, or the error in its place."""
    context = request.context
    try:
        stream = pipeline.answer(request)
        try:
            render = _streamed if request.stream else _whole
            return render(stream, context, dialect)
        except BaseException:
            stream.close()
            raise
    except Exception as error:
        return failed(error, dialect, context)


def failed(error: Exception, dialect: ClientDialect, context: RequestContext) -> Rendered:
    """An error in the client's dialect. One that is not ours is a bug: it is logged, and the client learns no more."""
    if not isinstance(error, LLMProxyError):
        log.error("a request met a fault of our own", exc_info=error, extra={"request_id": context.id})
        error = LLMProxyError(detail=repr(error))
    context.finish(error)
    status, body = dialect.write_error(error, context)
    content = strict_json.dumps(body)
    headers = {**_facts(context, dialect), **_error_facts(error), "Content-Type": "application/json"}
    return Rendered(status, {**headers, "Content-Length": str(len(content))}, [content])


def merged(headers: Iterable[tuple[str, str]], own: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that the host application has put on a response, and our own, which win."""
    names = _OF_CONTENT.union([name.lower() for name in own])
    return [(name, value) for name, value in headers if name.lower() not in names] + list(own.items())


def status_line(status: int) -> str:
    """The status with its phrase; a number that HTTP has no phrase for is passed on all the same."""
    return f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"


def _streamed(stream: ResponseStream, context: RequestContext, dialect: ClientDialect) -> Rendered:
    headers = {
        **_facts(context, dialect),
        **stream.headers,
        "Content-Type": stream.content_type,
        "X-Accel-Buffering": "no",
        "Cache-Control": "no-cache",
    }
    return Rendered(stream.status, headers, stream)


def _whole(stream: ResponseStream, context: RequestContext, dialect: ClientDialect) -> Rendered:
    content = b"".join(stream)
    headers = {
        **_facts(context, dialect),
        **stream.headers,
        "Content-Type": stream.content_type,
        "Content-Length": str(len(content)),
    }
    return Rendered(stream.status, headers, _Held(content, stream))


class _Held:
    """A whole answer, whose request ends when its bytes have left."""

    def __init__(self, content: bytes, stream: ResponseStream) -> None:
        self._content = content
        self.close = stream.close

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


def _facts(context: RequestContext, dialect: ClientDialect) -> dict[str, str]:
    """What every response says of its request."""
    facts = dict.fromkeys(dialect.id_headers, context.id)
    if context.answered_by is not None:
        llm, model = context.answered_by
        facts["x-llmproxy-llm"] = _header_value(llm)
        if model:  # what was passed on unread names none
            facts["x-llmproxy-model"] = _header_value(model)
    facts["x-llmproxy-attempts"] = str(len(context.attempts))
    if context.attempts and context.attempts[-1].dropped:
        facts["x-llmproxy-dropped"] = _header_value(", ".join(context.attempts[-1].dropped))
    return {**context.response_headers, **facts}


def _error_facts(error: LLMProxyError) -> Mapping[str, str]:
    """What an error's headers say, for where a front replaces the body of a 502 by its own."""
    own_code = (error.upstream or {}).get("code")
    fits = isinstance(own_code, str) and _CODE.fullmatch(own_code)
    facts = {"x-llmproxy-error": str(own_code) if fits else error.code}
    if error.should_retry is not None:
        facts["x-should-retry"] = "true" if error.should_retry else "false"
    if error.retry_after is not None or error.status in (429, 503, 529):
        wait = error.retry_after or (_RETRY_SECS if error.should_retry else _NO_RETRY_SECS)
        facts["Retry-After"] = str(max(1, math.ceil(wait)))
    return {**facts, **error.headers}


def _header_value(text: str) -> str:
    """Text as a header may hold it: a model's name is the client's own word."""
    return text.encode("ascii", "backslashreplace").decode() if text.isprintable() else ascii(text)


@functools.cache
def _late_class(base: Any) -> Any:
    return type(f"Late{base.__name__}", (_Late, base), {})

