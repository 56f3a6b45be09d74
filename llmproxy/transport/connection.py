"""Connections that know whether anything was sent, keep their socket, and can be shut down from another thread.

urllib3 has no parameter that would bring the attempt to the connection that serves it, so the thread carries it: see
`leased`.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

MAX_IDLE_SECS = 30.0
MAX_AGE_SECS = 300.0
_BUFFER_BYTES = 16 * 1024

_thread = threading.local()


class UnusableAnswer(http.client.HTTPException):
    """A head that cannot be trusted: what follows may belong to another caller's request."""


class Lease:
    """What one attempt holds of a connection, from the moment it has one until the answer is read.

    Attributes:
        sent: Whether a byte of the request has been given to the socket.
        answer: The answer's framing, once its head has come.
    """

    def __init__(self) -> None:
        self.sent = False
        self.answer: FramedAnswer | None = None
        self._socket: socket.socket | None = None
        self._shut = False
        self._lock = threading.Lock()

    def hold(self, sock: socket.socket) -> None:
        """The attempt now uses this socket; one that was shut down meanwhile is shut down at once."""
        with self._lock:
            self._socket = sock
            if self._shut:
                _shut_down(sock)

    def end(self) -> None:
        """The connection is somebody else's from now on."""
        with self._lock:
            self._socket = None

    def shut_down(self) -> None:
        """Wakes whoever waits for this socket, from any thread. Closing it would not (measured)."""
        with self._lock:
            self._shut = True
            if self._socket is not None:
                _shut_down(self._socket)

    def set_timeout(self, seconds: float) -> None:
        """How long a single read may wait from now on."""
        with self._lock:
            if self._socket is not None:
                self._socket.settimeout(seconds)


@contextmanager
def leased(lease: Lease) -> Iterator[None]:
    """Connections that this thread uses within the block belong to `lease`."""
    _thread.lease = lease
    try:
        yield
    finally:
        _thread.lease = None


class Inlet(io.RawIOBase):
    """A socket's bytes, with a switch: while not `patient` it says "nothing yet" instead of waiting."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self.patient = True
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._raw.readinto(buffer) if self.patient else None

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Opened:
    """Stands where http.client expects the socket, and hands it an inlet to read from."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._inlet, _BUFFER_BYTES)


class FramedAnswer(http.client.HTTPResponse):
    """An answer whose head was checked, and which can tell what of its body is here already."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self._inlet = Inlet(sock.makefile("rb", buffering=0))
        super().__init__(_Opened(self._inlet), *args, **kwargs)  # type: ignore[arg-type]  # it only calls makefile

    def begin(self) -> None:
        super().begin()
        if 100 < self.status < 200:
            # http.client takes it for the answer, and the answer for that of the next request.
            raise UnusableAnswer(f"informational status {self.status}")
        lengths = self.headers.get_all("content-length", [])
        codings = self.headers.get_all("transfer-encoding", [])
        if len(lengths) > 1 or (lengths and codings) or any(not length.strip().isdigit() for length in lengths):
            raise UnusableAnswer("contradictory framing (RFC 9112, section 6.3)")
        lease = getattr(_thread, "lease", None)
        if lease is not None:
            lease.answer = self

    def more_at_hand(self) -> bool:
        """Whether a further `read1` would return something without waiting, as far as that is certain."""
        if self.fp is None or not self.chunked:
            return False
        self._inlet.patient = False
        try:
            buffered: bytes = self.fp.peek(1)
        finally:
            self._inlet.patient = True
        if self.chunk_left:
            return bool(buffered)
        # CRLF of the chunk before, size, CRLF, and then a byte of data, or the blank line after the last chunk.
        end = buffered.find(b"\n", 2)
        if end < 0:
            return False
        return buffered.find(b"\r\n\r\n", 3) >= 0 if buffered[2:3] == b"0" else len(buffered) > end + 1


class _Upstream:
    """What both kinds of connection do besides connecting."""

    sock: Any
    since = 0.0
    idle_since = 0.0

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # a mixin beside urllib3's connection
        self.since = time.monotonic()
        self._hold()

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self._hold()
        super().request(*args, **kwargs)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        lease = getattr(_thread, "lease", None)
        if lease is not None:
            lease.sent = True
        super().send(data)  # type: ignore[misc]

    def worn(self) -> bool:
        """Whether it has been open or idle for so long that the other side may be about to close it."""
        now = time.monotonic()
        return now - self.idle_since > MAX_IDLE_SECS or now - self.since > MAX_AGE_SECS

    def _hold(self) -> None:
        lease = getattr(_thread, "lease", None)
        self.lease: Lease | None = lease
        if lease is not None:
            lease.hold(self.sock)


class UpstreamHTTPConnection(_Upstream, HTTPConnection):
    """A plain connection to an upstream."""

    response_class = FramedAnswer


class UpstreamHTTPSConnection(_Upstream, HTTPSConnection):
    """A TLS connection to an upstream."""

    response_class = FramedAnswer


class _Pool:
    """What both kinds of pool do besides pooling."""

    reuse = True

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if connection.sock is not None and connection.worn():
            connection.close()  # it connects again when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        """Called with a connection that nobody reads from any more: here its lease ends, and not later."""
        if conn is not None:
            if getattr(conn, "lease", None) is not None:
                conn.lease.end()
                conn.lease = None
            conn.idle_since = time.monotonic()
            if not self.reuse:
                conn.close()
        super()._put_conn(conn)  # type: ignore[misc]


class UpstreamHTTPPool(_Pool, HTTPConnectionPool):
    """Plain connections to one origin."""

    ConnectionCls = UpstreamHTTPConnection


class UpstreamHTTPSPool(_Pool, HTTPSConnectionPool):
    """TLS connections to one origin."""

    ConnectionCls = UpstreamHTTPSConnection


class _HTTPPoolUsedOnce(UpstreamHTTPPool):
    reuse = False


class _HTTPSPoolUsedOnce(UpstreamHTTPSPool):
    reuse = False


POOLS = {"http": UpstreamHTTPPool, "https": UpstreamHTTPSPool}
POOLS_USED_ONCE = {"http": _HTTPPoolUsedOnce, "https": _HTTPSPoolUsedOnce}


def _shut_down(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, where nothing has to be said first
    except OSError:
        return  # it is gone already
