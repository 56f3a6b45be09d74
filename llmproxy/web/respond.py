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

from llmproxy.core import strict_json
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.dialects.base import ClientDialect
from llmproxy.web.in_flight import IN_FLIGHT
from llmproxy.web.presence import Presence

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


Begin = Callable[[int, Mapping[str, str]], Callable[[bytes], object]]
"""Sends the head of an answer, and gives a function that sends pieces of its body at once (PEP 3333's `write`)."""


class _Late:
    """A response that is made when the server calls it."""

    render: Callable[[Begin], Rendered]
    context: RequestContext
    presence: Presence
    headers: Any
    close: Callable[[], None]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        context, presence = self.context, self.presence
        presence.guard(environ, context)

        def begin(status: int, headers: Mapping[str, str]) -> Any:
            context.committed = True
            return start_response(status_line(status), merged(self.headers, headers))

        rendered = self.render(begin)
        context.ticker.begun()
        body = _Body(rendered.body, context, presence, self.close)
        try:
            if not context.committed:
                begin(rendered.status, rendered.headers)
        except BaseException:
            body.close()
            raise
        return body


class _Body:
    """The pieces of an answer. Whoever has it closes it, at the end or when its client has gone."""

    def __init__(
        self, pieces: Iterable[bytes], context: RequestContext, presence: Presence, close: Callable[[], None]
    ) -> None:
        self._pieces = pieces
        self._context = context
        self._presence = presence
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        pieces = self._pieces
        try:
            if isinstance(pieces, ResponseStream):
                self._presence.read_on(pieces, self._context)
        finally:
            close_pieces = getattr(pieces, "close", None)
            if close_pieces is not None:
                close_pieces()
            self._close()


def late_response(
    render: Callable[[Begin], Rendered], context: RequestContext, presence: Presence
) -> flask.Response:
    """A response of the application's own class, which Flask would otherwise copy, whose content `render` makes."""
    base: Any = flask.current_app.response_class
    # Not JSON yet: a host that looks into every JSON response would find nothing to read.
    response: Any = _late_class(base)(status=200, content_type="application/octet-stream")
    response.render, response.context, response.presence = render, context, presence
    late: flask.Response = response
    return late


def answer(pipeline: Pipeline, request: LLMRequest, dialect: ClientDialect) -> Rendered:
    """The answer to a request, or the error in its place."""
    context = request.context
    dialect = _spoken(request, dialect)
    try:
        IN_FLIGHT.enter(context)
        stream = pipeline.answer(request)
        try:
            render = _streamed if request.stream else _whole
            return render(stream, context, dialect)
        except BaseException:
            stream.close()
            raise
    except Exception as error:
        return failed(error, dialect, context)


def teller(request: LLMRequest, dialect: ClientDialect, begin: Begin, leave: Callable[[], None]) -> Callable[[], None]:
    """A function that tells a client, whose stream has not begun, that somebody is there. The head of the stream goes
    first, and with it the status: a failure is an event from then on.

    Args:
        request, dialect: Whose client that is, and how it is spoken to.
        begin: Sends the head.
        leave: Called if the client turns out to have gone.
    """
    dialect = _spoken(request, dialect)
    # Who will have answered is not known yet, so nothing is said of it.
    facts = dict.fromkeys(dialect.id_headers, request.context.id)
    writes: list[Callable[[bytes], object]] = []

    def tell() -> None:
        try:
            if not writes:
                writes.append(begin(200, _stream_headers(facts, dialect.stream_type)))
            writes[0](dialect.keepalive)
        except Exception as error:  # whatever the server calls it
            log.debug("a keepalive could not be sent: %r", error)
            leave()

    return tell


def failed(error: Exception, dialect: ClientDialect, context: RequestContext) -> Rendered:
    """An error in the client's dialect. One that is not ours is a bug: it is logged, and the client learns no more."""
    if not isinstance(error, LLMProxyError):
        log.error("a request met a fault of our own", exc_info=error, extra={"request_id": context.id})
        error = LLMProxyError(detail=repr(error))
    context.finish(error)
    if context.committed:
        return Rendered(200, {}, [event.raw for event in dialect.error_events(error, context)])
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
    headers = _stream_headers({**_facts(context, dialect), **stream.headers}, stream.content_type)
    return Rendered(stream.status, headers, stream)


def _spoken(request: LLMRequest, dialect: ClientDialect) -> ClientDialect:
    """The dialect as this very request has it."""
    own = request.client_dialect
    return own if isinstance(own, ClientDialect) else dialect


def _stream_headers(headers: Mapping[str, str], content_type: str) -> dict[str, str]:
    return {**headers, "Content-Type": content_type, "X-Accel-Buffering": "no", "Cache-Control": "no-cache"}


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

