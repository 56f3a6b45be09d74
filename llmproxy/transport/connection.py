"""Connections that know whether anything was sent, keep their socket, and can be shut down from another thread.

urllib3 has no parameter that would bring the attempt to the connection that serves it, so the thread carries it: see
`leased`.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import re
import select
import socket
import threading
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

MAX_IDLE_SECS = 30.0
MAX_AGE_SECS = 300.0
_BUFFER_BYTES = 16 * 1024
_SMALL_BODY = 64 * 1024
_SEND_SECS = 10.0
_MAX_LINE = 64 * 1024
_MAX_FIELDS = 100
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_thread = threading.local()


class UnusableAnswer(http.client.HTTPException):
    """A head that cannot be trusted: what follows may belong to another caller's request."""


class Lease:
    """What one attempt holds of a connection, from the moment it has one until the answer is read.

    Attributes:
        connect_secs: How long connecting may take; urllib3's one timeout is that of the reads.
        sent: Whether a byte of the request has been given to the socket.
        answer: The answer's framing, once its head has come.
    """

    def __init__(self, connect_secs: float = 5.0) -> None:
        self.connect_secs = connect_secs
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


class leased:  # used as `with leased(lease):`; a generator would cost more than what it guards
    """Connections that this thread uses within the block belong to `lease`."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def __enter__(self) -> None:
        _thread.lease = self._lease

    def __exit__(self, *exc_info: object) -> None:
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


class Head(http.client.HTTPMessage):
    """Header fields as they came, without what `HTTPMessage` would work out for e-mails at each look."""

    def items(self) -> list[tuple[str, str]]:
        return list(self.raw_items())

    def get_all(self, name: str, failobj: Any = None) -> Any:
        wanted = name.lower()
        return [value for field, value in self.raw_items() if field.lower() == wanted] or failobj

    def is_multipart(self) -> bool:
        return False

    def get_payload(self, *args: Any, **kwargs: Any) -> None:
        return None


def read_head(stream: io.BufferedReader) -> http.client.HTTPMessage:
    """Header fields up to the blank line (RFC 9112, section 5).

    Raises:
        UnusableAnswer: A line is no field, or there are too many or too long ones.
    """
    message = Head()
    for _ in range(_MAX_FIELDS + 1):
        line = stream.readline(_MAX_LINE + 1)
        if line in (b"\r\n", b"\n"):
            return message
        name, colon, value = line.partition(b":")
        if not colon or not line.endswith(b"\n") or not _FIELD_NAME.fullmatch(name):
            raise UnusableAnswer("a header line that is no field")
        message.set_raw(name.decode("ascii"), value.strip(b" \t\r\n").decode("iso-8859-1"))
    raise UnusableAnswer(f"more than {_MAX_FIELDS} header fields")


class _Opened:
    """Stands where http.client expects the socket, and hands it an inlet to read from."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._inlet, _BUFFER_BYTES)


class FramedAnswer(http.client.HTTPResponse):
    """An answer whose head was checked, and which can tell what of its body is here already.

    Attributes:
        left_over: Whether bytes came with its end that belong to no answer of ours.
    """

    left_over = False

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self._inlet = Inlet(sock.makefile("rb", buffering=0))
        super().__init__(_Opened(self._inlet), *args, **kwargs)  # type: ignore[arg-type]  # it only calls makefile

    def begin(self) -> None:
        """Reads the head: as http.client does, but more strictly, and at a third of the cost of its e-mail parser."""
        if self.headers is not None:
            return
        version, status, reason = self._read_status()  # private, the same since Python 2
        while status == http.client.CONTINUE:
            read_head(self.fp)
            version, status, reason = self._read_status()
        if not version.startswith("HTTP/1."):
            raise http.client.UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.code = self.status = status
        self.reason = reason.strip()
        self.headers = self.msg = read_head(self.fp)
        self.length = self._checked_length()
        self.will_close = self._check_close() or (not self.chunked and self.length is None)
        lease = getattr(_thread, "lease", None)
        if lease is not None:
            lease.answer = self

    def _checked_length(self) -> int | None:
        """The length of the body; None if its chunks or the end of the connection say where it ends."""
        if 100 < self.status < 200:
            # http.client takes it for the answer, and the answer for that of the next request.
            raise UnusableAnswer(f"informational status {self.status}")
        lengths = self.headers.get_all("content-length", [])
        codings = self.headers.get_all("transfer-encoding", [])
        if len(lengths) > 1 or (lengths and codings) or any(coding.lower() != "chunked" for coding in codings):
            raise UnusableAnswer("contradictory framing (RFC 9112, section 6.3)")
        self.chunked = bool(codings)
        self.chunk_left = None
        if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
            raise UnusableAnswer("a length that is none")
        if self.status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            return 0
        return int(lengths[0]) if lengths else None

    def _close_conn(self) -> None:
        self.left_over = bool(self._buffered())
        super()._close_conn()  # type: ignore[misc]  # private, the same since Python 3.0

    def _buffered(self) -> bytes:
        """What has been read of the socket and not been asked for yet."""
        self._inlet.patient = False
        try:
            buffered: bytes = self.fp.peek(1)
        finally:
            self._inlet.patient = True
        return buffered

    def more_at_hand(self) -> bool:
        """Whether a further `read1` would return something without waiting, as far as that is certain."""
        if self.fp is None or not self.chunked:
            return False
        buffered = self._buffered()
        if left := self.chunk_left:
            if left < 0:  # http.client takes any number that int() reads
                raise UnusableAnswer("a chunk of negative size")
            return bool(buffered)
        # CRLF of the chunk before, size, CRLF, and then a byte of data, or the blank line after the last chunk.
        end = buffered.find(b"\n", 2)
        if end < 0:
            return False
        return buffered.find(b"\r\n\r\n", 3) >= 0 if buffered[2:3] == b"0" else len(buffered) > end + 1


class UnhurriedSocket(socket.socket):
    """A connected socket that spares the system calls that change nothing.

    Each call is a hand-over of the interpreter's lock, and those are what a busy worker spends a third of its time on:
    urllib3 sets the same timeout twice for each request, and a socket with a timeout waits before it sends, although
    there is nearly always room.
    """

    def __init__(self, connected: socket.socket) -> None:
        timeout = connected.gettimeout()
        super().__init__(connected.family, connected.type, connected.proto, fileno=connected.detach())
        super().settimeout(timeout)

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)

    def sendall(self, data: Any, flags: int = 0) -> None:
        try:
            sent = os.write(self.fileno(), data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)


class _Upstream:
    """What both kinds of connection do besides connecting."""

    sock: Any
    timeout: Any
    since = 0.0
    idle_since = 0.0
    _head: bytes | None = None
    _connecting = False

    def connect(self) -> None:
        lease = getattr(_thread, "lease", None)
        patience = self.timeout
        self._head, self._connecting = None, True
        try:
            if lease is not None:
                self.timeout = lease.connect_secs
            super().connect()  # type: ignore[misc]  # a mixin beside urllib3's connection
        finally:
            self.timeout, self._connecting = patience, False
        if type(self.sock) is socket.socket:
            self.sock = UnhurriedSocket(self.sock)
        self.since = time.monotonic()
        self._poll = select.poll()
        self._poll.register(self.sock, select.POLLIN | select.POLLHUP | select.POLLERR)
        self._hold()

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        else:
            self._hold()
        self._head = b""
        super().request(*args, **kwargs)  # type: ignore[misc]
        if self._head:
            self._send_now(b"")

    def putheader(self, header: Any, *values: Any) -> None:
        """One line of the head. Unlike http.client's, the complaint about a bad one does not quote a token."""
        if not isinstance(values[0], str):
            return super().putheader(header, *values)  # type: ignore[misc,no-any-return]
        line = f"{header}: {values[0]}".encode("latin-1", "replace")
        if not _FIELD.fullmatch(line):
            raise ValueError(f"the value of the header {header!r} would end its line")
        self._output(line)  # type: ignore[attr-defined]  # private, the same since Python 2

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again: nothing has come since, neither bytes nor the end."""
        return self.sock is not None and not self._poll.poll(0)

    def send(self, data: Any) -> None:
        """Head and body leave in one piece where the body is small: one system call, one packet for the upstream."""
        if self._head is None or not isinstance(data, bytes):
            self._send_now(data)
        elif not self._head:
            self._head = data
        else:
            self._send_now(data)

    def _send_now(self, data: Any) -> None:
        head, self._head = self._head, None
        lease = getattr(_thread, "lease", None)
        if lease is not None and not self._connecting:  # what opens a proxy's tunnel is no part of the request
            lease.sent = True
        if head and len(data) > _SMALL_BODY:
            self.sock.settimeout(_SEND_SECS)  # a body of this size waits for its reader; urllib3 sets it back
            super().send(head)  # type: ignore[misc]
        elif head:
            data = head + data
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
    proxy: Any

    def urlopen(self, method: Any, url: Any, body: Any = None, headers: Any = None, *args: Any, **options: Any) -> Any:
        """One attempt, as urllib3 makes it, without the retries, redirects and preloading that we never ask for."""
        if self.proxy is not None:
            return super().urlopen(method, url, body, headers, *args, **options)  # type: ignore[misc]
        connection = self._get_conn()
        try:
            if connection.sock is None:
                self._validate_conn(connection)  # type: ignore[attr-defined]  # where TLS connects
            connection.timeout = options["timeout"].read_timeout
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # an early answer may be there
                connection.request(method, url, body=body, headers=headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
        except BaseException:
            connection.close()
            self._put_conn(connection)
            raise
        response._connection, response._pool = connection, self
        return response

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if connection.sock is not None and connection.worn():
            connection.close()  # it connects again when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        """Called with a connection that nobody reads from any more: here its lease ends, and not later."""
        if conn is not None:
            lease, conn.lease = getattr(conn, "lease", None), None
            if lease is not None:
                lease.end()
            conn.idle_since = time.monotonic()
            if not self.reuse or _more_came(conn.sock, lease):
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


def _more_came(sock: Any, lease: Lease | None) -> bool:
    """Whether bytes followed the answer that nobody asked for: buffered here, or decrypted by TLS already."""
    if lease is not None and lease.answer is not None and lease.answer.left_over:
        return True
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0


def _shut_down(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, where nothing has to be said first
    except OSError:
        return  # it is gone already
