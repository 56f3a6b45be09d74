"""The answer on its way back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from llmproxy.core import strict_json
from llmproxy.core.answer import Answer, Delta, Usage
from llmproxy.core.errors import ClientGone, LLMProxyError, ProviderError, StreamError, in_stream
from llmproxy.core.sse import PAUSE, Event, Step

if TYPE_CHECKING:
    from llmproxy.core.context import RequestContext
    from llmproxy.core.request import LLMRequest

log = logging.getLogger(__name__)


class Signs(NamedTuple):
    """All that a relay needs to know of an event.

    Attributes:
        usage: What the answer cost so far.
        finished: The answer is whole, whatever may follow.
        terminal: Nothing follows.
        error: The provider reports a failure.
        hideable: Here only because we asked for usage; a client that did not ask need not see it.
    """

    usage: Usage | None = None
    finished: bool = False
    terminal: bool = False
    error: bool = False
    hideable: bool = False


class ClientSide(Protocol):
    """What an answer needs of the dialect its reader speaks."""

    @property
    def name(self) -> str: ...
    @property
    def stream_type(self) -> str: ...
    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]: ...
    def write_stream(self, deltas: Iterable[Delta], request: LLMRequest) -> Iterator[Event]: ...
    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]: ...


class ProviderSide(Protocol):
    """What an answer needs of the dialect its source speaks."""

    @property
    def name(self) -> str: ...
    def signs(self, event: Event, whole: bool) -> Signs: ...
    def terminal_events(self) -> Iterator[Event]: ...
    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError: ...


class ResponseStream:
    """The answer on its way: an iterator of bytes with a `close`. Iterate once; always close.

    A plain answer is a stream of one event. Made from bytes as here, they go to the client as they are; `relay` and
    `say` make the answers of providers that speak a dialect, or the neutral model.

    Args:
        chunks: The answer in the client's own words, in pieces that should leave as they come.
        request: Whose answer it is; None outside a pipeline.
        status, content_type, headers: What stands in the head of the answer.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        request: LLMRequest | None = None,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.content_type = content_type
        self.headers = dict(headers or {})
        self.whole = request is None or not request.stream
        self.ended = False
        self._request = request
        self._context = request.context if request is not None else None
        self._dialect: ProviderSide | None = None
        self._hides_usage = False
        self._source: Iterator[Event | Step] = _flushed(map(Event, chunks)) if chunks else iter(())
        self._events: Iterator[Event | Step] | None = None
        self._maps: list[Callable[[Event], Event | None]] = []
        self._bytes: Iterator[bytes] | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._failure: LLMProxyError | None = None
        self._begun = False
        self._closed = False

    @classmethod
    def relay(
        cls, events: Iterable[Event | Step], dialect: ProviderSide, request: LLMRequest, *, usage_asked: bool = True
    ) -> Self:
        """An answer in the client's own dialect: relayed byte for byte, its usage and its end noticed as they pass.

        Args:
            events: As the dialect decodes them.
            dialect: What the provider speaks.
            request: Whose answer it is.
            usage_asked: Whether the upstream was asked for usage. What it says then is hidden from a client that did
                not ask; what it says unasked is not.
        """
        stream = cls((), request)
        stream._hides_usage = usage_asked and not request.wants_usage
        if request.stream and request.client_dialect is not None:
            stream.content_type = request.client_dialect.stream_type
        stream._source = iter(events)
        stream._dialect = dialect
        return stream

    @classmethod
    def say(cls, answer: Answer | Iterable[Delta], request: LLMRequest) -> Self:
        """An answer in the neutral model, written in the client's dialect."""
        client = request.client_dialect
        if client is None:
            raise ProviderError(detail=f"{type(request).__name__} names no client dialect to answer in")
        stream = cls((), request)
        if request.stream:
            stream.content_type = client.stream_type
            deltas = answer.play() if isinstance(answer, Answer) else answer
            stream._source = _flushed(client.write_stream(stream._counted(deltas), request))
        else:
            stream._source = stream._written(answer, client)
        return stream

    @property
    def failure(self) -> LLMProxyError | None:
        """Why the answer did not come to its end, once it is closed; None if it did."""
        if self._failure is not None or self.ended:
            return self._failure
        return ClientGone()

    def map(self, function: Callable[[Event], Event | None]) -> Self:
        """Has every event of the client's pass through `function`, which may change it, or drop it by returning None.

        A plain answer is one event, whose `json()` is the whole body.
        """
        self._maps.append(function)
        return self

    def on_close(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the stream is closed; those added first are called first."""
        self._callbacks.append(callback)

    def prime(self) -> Self:
        """Waits for the first real event, so that a failure before it still has its own status.

        Raises:
            LLMProxyError: The answer failed before it began. The stream is closed.
        """
        if self._events is not None:
            return self
        seen: list[Event | Step] = []
        events = self._relayed()
        try:
            for item in events:
                seen.append(item)
                if self._begun:
                    break
        except BaseException as error:
            self._failure = error if isinstance(error, LLMProxyError) else LLMProxyError(detail=repr(error))
            self.close()
            raise
        self._events = _replayed(seen, events)
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._bytes is None:
            self._bytes = self._joined()
        return next(self._bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives back whatever the answer held. Closed before its end, it counts as left by the client. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for step in (_closer(self._bytes), _closer(self._events), _closer(self._source), *self._callbacks):
            try:
                step()
            except Exception:  # each release stands for itself: one that fails must not keep the next from running
                log.exception("releasing an answer failed")

    def _joined(self) -> Iterator[bytes]:
        """The client's bytes: what is at hand leaves in one piece."""
        batch: list[bytes] = []
        try:
            for item in self._mapped():
                if item is not PAUSE:
                    batch.append(item.raw)
                elif batch:
                    piece = b"".join(batch) if len(batch) > 1 else batch[0]
                    batch.clear()
                    yield piece
        except Exception as error:
            batch.extend(event.raw for event in self._broken(error))
        if batch:
            yield b"".join(batch)

    def _broken(self, error: Exception) -> Iterator[Event]:
        """How the client learns that its stream broke. A failure with nothing said yet is raised instead."""
        if not isinstance(error, LLMProxyError):
            log.error("an answer broke on a fault of our own", exc_info=error)
            error = LLMProxyError(detail=repr(error))
        client = self._request.client_dialect if self._request is not None else None
        begun = self._begun and not self.whole
        self._failure = in_stream(error) if begun else error
        if not begun or client is None or self._context is None:
            raise self._failure from error.__cause__
        yield from client.error_events(self._failure, self._context)

    def _mapped(self) -> Iterator[Event | Step]:
        events = self._events if self._events is not None else self._relayed()
        if not self._maps:
            return events
        return self._apply_maps(events)

    def _apply_maps(self, events: Iterator[Event | Step]) -> Iterator[Event | Step]:
        for item in events:
            if item is PAUSE:
                yield item
                continue
            event: Event | None = item
            for function in self._maps:
                event = function(event) if event is not None else None
            if event is not None:
                yield event

    def _relayed(self) -> Iterator[Event | Step]:
        if self._dialect is None:
            for item in self._source:
                if item is not PAUSE:
                    self._begin()
                yield item
            self.ended = True
        else:
            yield from self._listened(self._dialect)

    def _listened(self, dialect: ProviderSide) -> Iterator[Event | Step]:
        """The provider's events as they came, with an ear for usage, errors and the end."""
        finished = False
        for item in self._source:
            if item is PAUSE or item.data is None:
                yield item
                continue
            try:
                signs = dialect.signs(item, self.whole)
            except ValueError as error:
                if not item.complete:
                    break
                raise ProviderError(code="upstream_bad_response", detail=f"an event is not JSON: {error}") from error
            if signs.error:
                self._hear_error(dialect.read_error(200, {}, item.data))
            if not self._begun:
                self._begin()
            if signs.usage is not None and self._context is not None:
                self._context.usage = signs.usage
            finished = finished or signs.finished
            self.ended = self.ended or signs.terminal
            if not (self._hides_usage and signs.hideable):
                yield item
            if self.ended:
                return
        if finished:
            self.ended = True
            yield from dialect.terminal_events()
        elif self._failure is None:
            raise ProviderError(code="upstream_truncated", detail="the stream ended without its terminal event")

    def _hear_error(self, error: ProviderError) -> None:
        """An error as the first event is a failed answer; a later one is relayed, and ends what we vouch for."""
        if not self._begun:
            raise error
        self._failure = StreamError(code="upstream_stream_error", detail=f"{error.code}: {error.message}")

    def _begin(self) -> None:
        self._begun = True
        if self._context is not None:
            self._context.saw_event()

    def _counted(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        for delta in deltas:
            self._count(getattr(delta, "usage", None))
            yield delta

    def _written(self, answer: Answer | Iterable[Delta], client: ClientSide) -> Iterator[Event | Step]:
        assert self._request is not None
        whole = answer if isinstance(answer, Answer) else Answer.collect(answer)
        self._count(whole.usage)
        body = client.write_answer(whole, self._request)
        yield Event.whole(strict_json.dumps(body), body)

    def _count(self, usage: Usage | None) -> None:
        if usage is not None and self._context is not None:
            self._context.usage = usage


def _flushed(events: Iterable[Event]) -> Iterator[Event | Step]:
    for event in events:
        yield event
        yield PAUSE


def _replayed(seen: list[Event | Step], rest: Iterator[Event | Step]) -> Iterator[Event | Step]:
    yield from seen
    yield from rest


def _closer(iterator: object) -> Callable[[], None]:
    close: Callable[[], None] | None = getattr(iterator, "close", None)
    return close or (lambda: None)
