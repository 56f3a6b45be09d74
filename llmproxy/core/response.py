"""The answer on its way back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from llmproxy.core import strict_json
from llmproxy.core.answer import Answer, Appended, Counted, Delta, Opened
from llmproxy.core.chat import Text
from llmproxy.core.errors import (
    ClientGone,
    LLMProxyError,
    ParseError,
    ProviderError,
    StreamError,
    UnsupportedFeature,
    in_stream,
)
from llmproxy.core.secrets import SECRETS
from llmproxy.core.shape import NONSENSE, check
from llmproxy.core.signs import NOTHING, Signs
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.core.ticker import Ticker

if TYPE_CHECKING:
    from llmproxy.core.context import RequestContext
    from llmproxy.core.request import LLMRequest

log = logging.getLogger(__name__)

T = TypeVar("T")


class ClientSide(Protocol):
    """What an answer needs of the dialect its reader speaks."""

    @property
    def name(self) -> str: ...
    @property
    def stream_type(self) -> str: ...
    @property
    def keepalive(self) -> bytes: ...
    def write_answer(self, answer: Answer, request: LLMRequest) -> dict[str, Any]: ...
    def write_stream(self, deltas: Iterable[Delta | Step], request: LLMRequest) -> Iterator[Event | Step]: ...
    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]: ...


class ProviderSide(Protocol):
    """What an answer needs of the dialect its source speaks."""

    @property
    def name(self) -> str: ...
    def signs(self, event: Event, whole: bool) -> Signs: ...
    def read_answer(self, body: Any) -> Answer: ...
    def reader(self) -> Callable[[Event], Iterable[Delta]] | None: ...
    def terminal_events(self) -> Iterator[Event]: ...
    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError: ...


class ResponseStream:
    """The answer on its way: an iterator of bytes with a `close`. Iterate once; always close.

    A plain answer is a stream of one event. Made from bytes as here, they go to the client as they are; `relay` and
    `say` make the answers of providers that speak a dialect, or the neutral model. An answer stays in the provider's
    words until it is iterated: one in the client's own dialect and form is then relayed byte for byte, any other is
    read into the neutral model and written in the client's words.

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
        self._client = request.client_dialect if request is not None else None
        self._dialect: ProviderSide | None = None
        self._source_whole = self.whole
        self._hides_usage = False
        self._source: object = chunks
        self._events: Iterator[Event | Step] | None = self._noticed(chunks)
        self._said: Iterator[Delta | Step] | None = None
        self._taps: list[Callable[[Delta], object]] = []
        self._delta_maps: list[Callable[[Delta], Delta | None]] = []
        self._maps: list[Callable[[Event], Event | None]] = []
        self._bytes: Iterator[bytes] | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._begin_callbacks: list[Callable[[], None]] = []
        self._moved: Callable[[], None] = _nothing
        self._failure: LLMProxyError | None = None
        self._begun = False
        self._primed = False
        self._in_process = False
        self._closed = False

    @classmethod
    def relay(
        cls,
        events: Iterable[Event | Step],
        dialect: ProviderSide,
        request: LLMRequest,
        *,
        whole: bool | None = None,
        usage_asked: bool = True,
    ) -> Self:
        """An answer in a provider's dialect, its usage and its end noticed as they pass.

        Args:
            events: As the dialect decodes them.
            dialect: What the provider speaks.
            request: Whose answer it is.
            whole: Whether the answer is one whole body rather than a stream; None: as the client asked for it.
            usage_asked: Whether the upstream was asked for usage. What it says then is hidden from a client that did
                not ask; what it says unasked is not.
        """
        stream = cls((), request)
        stream._hides_usage = usage_asked and not request.wants_usage
        stream._dialect = dialect
        if whole is not None:
            stream._source_whole = whole
        stream._source = events
        stream._events = stream._listened(iter(events), dialect)
        if not stream.whole and stream._client is not None:
            stream.content_type = stream._client.stream_type
        return stream

    @classmethod
    def say(cls, answer: Answer | Iterable[Delta | Step], request: LLMRequest) -> Self:
        """An answer in the neutral model, written in the client's dialect.

        Raises:
            ProviderError: The request names no dialect to write it in.
        """
        if request.client_dialect is None:
            raise ProviderError(detail=f"{type(request).__name__} names no client dialect to answer in")
        stream = cls((), request)
        stream._source = deltas = answer.play() if isinstance(answer, Answer) else answer
        stream._events = None
        stream._said = stream._heard(iter(deltas))
        if not stream.whole:
            stream.content_type = request.client_dialect.stream_type
        return stream

    @property
    def failure(self) -> LLMProxyError | None:
        """Why the answer did not come to its end, once it is closed; None if it did."""
        if self._failure is not None or self.ended:
            return self._failure
        return ClientGone()

    def tap(self, function: Callable[[Delta], object]) -> Self:
        """Has `function` see every step of what is said, changing nothing; the client's bytes stay as they are."""
        self._taps.append(function)
        return self

    def tap_text(self, function: Callable[[str], object]) -> Self:
        """Has `function` see each piece of the text that `Answer.text` will be, changing nothing: no thoughts and no
        arguments of calls. Pieces end anywhere, within words as well."""
        others: set[int] = set()

        def hear(delta: Delta) -> None:
            if not isinstance(delta, Opened | Appended) or delta.choice:
                return
            if isinstance(delta, Opened) and not isinstance(delta.part, Text):
                others.add(delta.index)
            text = delta.text if isinstance(delta, Appended) else getattr(delta.part, "text", "")
            if text and delta.index not in others:  # a part that nobody opened is a text
                function(text)

        return self.tap(hear)

    def map_deltas(self, function: Callable[[Delta], Delta | None]) -> Self:
        """Has every step of what is said pass through `function`, which may change it, or drop it by returning None.

        The answer is then written anew even where it came in the client's own dialect.
        """
        self._delta_maps.append(function)
        return self

    def map(self, function: Callable[[Event], Event | None]) -> Self:
        """Has every event of the client's pass through `function`, which may change it, or drop it by returning None.

        A plain answer is one event, whose `json()` is the whole body.
        """
        self._maps.append(function)
        return self

    def deltas(self) -> Iterator[Delta]:
        """What is said, step by step, in the place of the client's bytes: for callers in this process.

        Raises:
            LLMProxyError: The answer broke.
        """
        self._in_process = True
        try:
            for delta in self._observed():
                if delta is not PAUSE:
                    yield delta
            self.ended = True
        except Exception as error:
            raise self._failed(error) from error.__cause__

    def answer(self) -> Answer:
        """What is said in all, in the place of the client's bytes: for callers in this process.

        Raises:
            LLMProxyError: The answer broke.
        """
        return Answer.collect(self.deltas())

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the first real event has come."""
        self._begin_callbacks.append(callback)

    def on_move(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when further real events have come: once for each time that some were at hand."""
        self._moved = callback

    def on_close(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the stream is closed; those added first are called first."""
        self._callbacks.append(callback)

    def prime(self) -> Self:
        """Waits for the first real event, so that a failure before it still has its own status.

        Raises:
            LLMProxyError: The answer failed before it began. The stream is closed.
        """
        if self._primed:
            return self
        self._primed = True
        try:
            if self._events is not None:
                self._events = self._begin_with(self._events)
            elif self._said is not None:
                self._said = self._begin_with(self._said)
        except BaseException as error:
            self._failure = error if isinstance(error, LLMProxyError) else LLMProxyError(detail=repr(error))
            self.close()
            raise
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
        sources = (self._bytes, self._events, self._said, self._source)
        for step in (*map(_closer, sources), *self._callbacks):
            try:
                step()
            except Exception:  # each release stands for itself: one that fails must not keep the next from running
                log.exception("releasing an answer failed")
        # Nothing of the answer stays, be it that somebody keeps this for its `failure`.
        self._source = self._events = self._said = None
        self._bytes = iter(())
        self._callbacks, self._begin_callbacks, self._moved = [], [], _nothing

    def _begin_with(self, source: Iterator[T]) -> Iterator[T]:
        """The source, waited for until its first real item."""
        seen = []
        for item in source:
            seen.append(item)
            if self._begun:
                break
        return _replayed(seen, source)

    def _joined(self) -> Iterator[bytes]:
        """The client's bytes: what is at hand leaves in one piece, and a keepalive after a long silence."""
        batch: list[bytes] = []
        ticker = self._context.ticker if self._context is not None else Ticker()
        try:
            for item in self._mapped():
                if item is not PAUSE:
                    batch.append(item.raw)
                elif batch:
                    piece = b"".join(batch) if len(batch) > 1 else batch[0]
                    batch.clear()
                    yield piece
                    ticker.spoke()
                elif ticker.due and self._client is not None and self._client.keepalive:
                    yield self._client.keepalive
                    ticker.spoke()
        except Exception as error:
            batch.extend(event.raw for event in self._broken(error))
        if batch:
            yield b"".join(batch)

    def _broken(self, error: Exception) -> Iterator[Event]:
        """How the client learns that its stream broke. A failure with nothing said yet is raised instead."""
        failure = self._failed(error)
        if not self._begun or self.whole or self._client is None or self._context is None:
            raise failure from error.__cause__
        yield from self._client.error_events(failure, self._context)

    def _failed(self, error: Exception) -> LLMProxyError:
        """The failure that `error` is."""
        if not isinstance(error, LLMProxyError):
            log.error("an answer broke on a fault of our own", exc_info=error)
            error = LLMProxyError(detail=repr(error))
        self._failure = in_stream(error) if self._begun and not self.whole else error
        return self._failure

    def _mapped(self) -> Iterator[Event | Step]:
        events = self._rendered()
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

    def _rendered(self) -> Iterator[Event | Step]:
        """The client's events, by the shorter of the two roads that leads there."""
        if self._events is not None and self._is_clients_own():
            return self._tapped(self._events) if self._taps else self._events
        return self._written()

    def _is_clients_own(self) -> bool:
        """Whether what comes can go to the client as it is."""
        if self._dialect is None or self._client is None:
            return True
        same = self._dialect.name == self._client.name and self._source_whole == self.whole
        return same and not self._delta_maps and not self._in_process

    def _noticed(self, chunks: Iterable[bytes]) -> Iterator[Event | Step]:
        """The client's own bytes, each piece of which should leave at once."""
        for chunk in chunks:
            if self._begun:
                self._moved()
            self._begin()
            yield Event(chunk)
            yield PAUSE
        self.ended = True

    def _tapped(self, events: Iterator[Event | Step]) -> Iterator[Event | Step]:
        """The events as they are, their meaning shown to those who watch."""
        read = self._reading()
        for item in events:
            if item is not PAUSE and item.data is not None:
                for delta in read(item):
                    self._tell(delta)
            yield item

    def _written(self) -> Iterator[Event | Step]:
        """What is said, in the client's words."""
        assert self._client is not None
        assert self._request is not None
        if self.whole:
            answer = Answer.collect(delta for delta in self._observed() if delta is not PAUSE)
            body = self._client.write_answer(answer, self._request)
            yield Event.whole(strict_json.dumps(body), body)
        else:
            yield from self._client.write_stream(self._observed(), self._request)
        self.ended = True

    def _observed(self) -> Iterator[Delta | Step]:
        """What is said, changed by those who change it, and shown to those who watch."""
        deltas = self._said if self._said is not None else self._read()
        if not self._taps and not self._delta_maps:
            return deltas
        return self._shown(deltas)

    def _shown(self, deltas: Iterator[Delta | Step]) -> Iterator[Delta | Step]:
        for item in deltas:
            if item is PAUSE:
                yield item
                continue
            delta: Delta | None = item
            for function in self._delta_maps:
                delta = function(delta) if delta is not None else None
            if delta is not None:
                self._tell(delta)
                yield delta

    def _tell(self, delta: Delta) -> None:
        for function in self._taps:
            function(delta)

    def _read(self) -> Iterator[Delta | Step]:
        """What the provider's events say."""
        read = self._reading()
        for item in self._events or ():
            if item is PAUSE:
                yield item
            elif item.data is not None:
                yield from read(item)

    def _reading(self) -> Callable[[Event], Iterable[Delta]]:
        """A function that gives the steps that an event stands for."""
        dialect = self._dialect
        if dialect is None:
            raise UnsupportedFeature("This answer is in words that only its client knows.")
        reader = (lambda event: dialect.read_answer(event.json()).play()) if self._source_whole else dialect.reader()
        if reader is None:
            raise UnsupportedFeature(f"A stream in {dialect.name} cannot be said in other words.")

        def read(event: Event) -> Iterable[Delta]:
            try:
                deltas = list(reader(event))  # here, since a generator would fail where it is read out
                for delta in deltas:
                    check(delta)
            except (*NONSENSE, ParseError) as error:  # the latter from what requests are read with too
                raise ProviderError(code="upstream_bad_response", detail=f"an event that is none: {error!r}") from error
            return deltas

        return read

    def _listened(self, events: Iterator[Event | Step], dialect: ProviderSide) -> Iterator[Event | Step]:
        """The provider's events as they came, with an ear for usage, errors and the end."""
        finished = moved = False
        signs_of, whole = dialect.signs, self._source_whole  # looked up once: there are thousands of events
        for item in events:
            if item is PAUSE or item.data is None:
                if moved:
                    moved = False
                    self._moved()
                yield item
                continue
            try:
                signs = signs_of(item, whole)
            except NONSENSE as error:
                if not item.complete:
                    break
                raise ProviderError(code="upstream_bad_response", detail=f"an event that is none: {error!r}") from error
            if signs is NOTHING and self._begun:
                moved = True
                yield item
                continue
            if signs.ping:
                yield item
                continue
            moved = True
            if signs.error:
                self._hear_error(dialect.read_error(200, {}, item.data))
                item.raw = SECRETS.mask_bytes(item.raw)  # an upstream may say our token back to us
            if not self._begun:
                self._begin()
            if signs.usage is not None and self._context is not None:
                self._context.usage = signs.usage.over(self._context.usage)
            finished = finished or signs.finished
            self.ended = self.ended or signs.terminal
            if not (self._hides_usage and signs.hideable and self._is_clients_own()):
                yield item
            elif signs.usage is not None:  # hidden from the client, not from those who watch
                self._tell(Counted(signs.usage))
            if self.ended:
                return
        if finished:
            self.ended = True
            yield from dialect.terminal_events()
        elif self._failure is None:
            raise ProviderError(code="upstream_truncated", detail="the stream ended without its terminal event")

    def _hear_error(self, error: ProviderError) -> None:
        """An error as the first event is a failed answer. A later one ends what we vouch for: to a client of the same
        dialect it is relayed as it came, to any other it is said in the client's own words."""
        if not self._begun:
            raise error
        if not self._is_clients_own():
            error.settlement = "partial"
            raise error
        self._failure = StreamError(code="upstream_stream_error", detail=f"{error.code}: {error.message}")

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        for callback in self._begin_callbacks:
            callback()
        if self._context is not None:
            self._context.saw_event()

    def _heard(self, deltas: Iterator[Delta | Step]) -> Iterator[Delta | Step]:
        """What a provider says in the neutral model, each step of which should leave at once."""
        for delta in deltas:
            if delta is PAUSE:
                yield PAUSE
                continue
            if not self._begun:
                self._begin()
            if isinstance(delta, Counted) and self._context is not None:
                self._context.usage = delta.usage
            yield delta
            yield PAUSE


def _replayed(seen: list[T], rest: Iterator[T]) -> Iterator[T]:
    yield from seen
    yield from rest


def _closer(iterator: object) -> Callable[[], None]:
    close: Callable[[], None] | None = getattr(iterator, "close", None)
    return close or (lambda: None)


def _nothing() -> None:
    """For whoever need not be told."""
