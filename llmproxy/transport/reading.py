"""An upstream's answer: its bytes as they arrive, its framing checked, its size capped."""

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import requests

from llmproxy.core import sse
from llmproxy.core.cancel import Cancellation
from llmproxy.core.errors import ProviderError, ProviderTimeout
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.transport.deadlines import Deadlines
from llmproxy.transport.failures import FOREIGN, translated
from llmproxy.transport.framing import FramedAnswer
from llmproxy.transport.lease import Lease

_READ_BYTES = 64 * 1024
_JOIN_BYTES = 64 * 1024
_DRAIN_SECS = 0.1
_DRAIN_READS = 4


class Reply:
    """The answer of one attempt. Whoever has it closes it.

    Attributes:
        status: The HTTP status.
        headers: Its headers by lower-case name; repeated ones are joined by commas.
    """

    def __init__(
        self,
        response: requests.Response,
        lease: Lease,
        cancellation: Cancellation,
        forget: Callable[[], None],
        idle_secs: float,
        deadlines: Deadlines,
    ) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): response.headers[name] for name in response.headers}  # items() would not join
        self._raw = response.raw
        self._lease = lease
        self._cancellation = cancellation
        self._forget = forget
        self._idle_secs = idle_secs
        self._deadlines = deadlines
        self._read_to_end = False
        self._closed = False

    def begun(self) -> None:
        """The first real event has come: from now on the time from each to the next counts."""
        self._deadlines.begun()

    def moved(self) -> None:
        """A further real event has come."""
        self._deadlines.moved()

    def chunks(self) -> Iterator[bytes | Step]:
        """The body in pieces, each as soon as it is here, whatever the framing; `PAUSE` after a tick without any.

        Raises:
            ProviderError: The body was cut off, or nothing came for `idle_secs`.
        """
        if self._lease.answer is not None:
            self._lease.answer.limit(self._idle_secs)
        return self._chunks("upstream_reset", self._idle_secs)

    def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            ProviderError: It was cut off, or is longer than `limit` bytes.
        """
        pieces, size = [], 0
        for piece in self._pieces():
            size += len(piece)
            if size > limit:
                raise ProviderError(code="upstream_bad_response", detail=f"an answer of more than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def beginning(self, limit: int) -> bytes:
        """At most `limit` bytes of the body, of an error for instance; empty where none can be read."""
        pieces, size = [], 0
        try:
            for piece in self._pieces():
                pieces.append(piece)
                size += len(piece)
                if size >= limit:
                    break
        except ProviderError:
            return b""
        return b"".join(pieces)[:limit]

    def json(self, limit: int = 32 * 1024 * 1024) -> Any:
        """The whole body as JSON.

        Raises:
            ProviderError: It is not JSON.
        """
        try:
            return sse.loads(self.body(limit))
        except ValueError as error:
            raise ProviderError(code="upstream_bad_response", detail=f"not JSON: {error}") from error

    def events(self) -> Iterator[Event]:
        """The body as server-sent events."""
        return (event for event in sse.decode(self.chunks()) if event is not PAUSE)

    def lines(self) -> Iterator[bytes]:
        """The body's lines without their ends."""
        return _lines(self.chunks())

    def close(self, *, drain: bool = False) -> None:
        """Gives the connection back if the answer was read to its end, and closes it otherwise.

        Args:
            drain: The answer's last event has come, so the end of its body cannot be far: worth a short wait, which
                saves the next request a new connection.
        """
        if self._closed:
            return
        self._closed = True
        self._forget()
        self._deadlines.end()
        if drain and not self._read_to_end:
            self._drain()
        if not self._read_to_end:
            self._raw.close()
        self._lease.end()

    def _pieces(self) -> Iterator[bytes]:
        """The body in pieces, for whoever waits for all of them."""
        return (piece for piece in self._chunks("upstream_truncated", math.inf) if piece is not PAUSE)

    def _chunks(self, cut: str, idle_secs: float) -> Iterator[bytes | Step]:
        read = functools.partial(self._raw.read1, _READ_BYTES, decode_content=False)
        answer = self._lease.answer
        joined: list[bytes] = []
        try:
            while True:
                if answer is not None and not answer.is_ready():
                    yield from self._ticks(answer, idle_secs)
                data = read()
                if not data:
                    break
                if answer is not None and answer.more_at_hand():
                    joined.append(data)
                    self._join(joined)
                    data = b"".join(joined)
                    joined.clear()
                yield data
        except FOREIGN as error:
            if joined:  # whole before the fault came
                yield b"".join(joined)
            raise translated(error, self._lease, self._cancellation, cut) from error
        reason = self._cancellation.reason or self._lease.reason
        if reason is not None:  # a body without framing looks whole when its socket is shut down
            raise reason
        self._read_to_end = True

    def _ticks(self, answer: FramedAnswer, idle_secs: float) -> Iterator[Step]:
        """A `PAUSE` after each tick until more of the answer is here."""
        ticker = self._lease.ticker
        end = time.monotonic() + idle_secs
        while not answer.await_more(ticker.patience(end - time.monotonic())):
            if time.monotonic() >= end:
                raise ProviderTimeout(phase="idle", detail=f"no byte within {idle_secs:g} s")
            ticker.tick()
            yield PAUSE

    def _join(self, pieces: list[bytes]) -> None:
        """Adds what has come with the first piece: a burst of events leaves in one."""
        answer = self._lease.answer
        size = len(pieces[0])
        while size < _JOIN_BYTES and answer is not None and answer.more_at_hand():
            piece = self._raw.read1(_READ_BYTES, decode_content=False)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)

    def _drain(self) -> None:
        if self._lease.answer is not None:
            self._lease.answer.limit(_DRAIN_SECS)
        try:
            for _ in range(_DRAIN_READS):
                if not self._raw.read1(_READ_BYTES, decode_content=False):
                    self._read_to_end = True
                    return
        except FOREIGN:
            return


def _lines(chunks: Iterable[bytes | Step]) -> Iterator[bytes]:
    pending = b""
    for chunk in chunks:
        if chunk is PAUSE:
            continue
        *lines, pending = (pending + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in lines)
    if pending:
        yield pending
