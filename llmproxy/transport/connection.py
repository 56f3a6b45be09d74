"""Connections that know whether anything was sent, keep their socket, and can be shut down from another thread."""

import os
import re
import select
import socket
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from llmproxy.transport.framing import FramedAnswer
from llmproxy.transport.lease import Lease, current_lease

MAX_IDLE_SECS = 30.0
MAX_AGE_SECS = 300.0
_SMALL_BODY = 64 * 1024
_SEND_SECS = 10.0
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*")


class UnhurriedSocket(socket.socket):
    """A connected socket that spares the system calls that change nothing.

    Each call is a hand-over of the interpreter's lock, and those are what a busy worker spends a third of its time on:
    urllib3 sets the same timeout twice for each request, and a socket with a timeout waits before it sends, although
    there is nearly always room, and before it reads, although our readers have waited already.
    """

    def __init__(self, connected: socket.socket) -> None:
        timeout = connected.gettimeout()
        super().__init__(connected.family, connected.type, connected.proto, fileno=connected.detach())
        super().settimeout(timeout)

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if nbytes or flags:
            return super().recv_into(buffer, nbytes, flags)
        try:
            return os.readv(self.fileno(), [buffer])
        except BlockingIOError:
            return super().recv_into(buffer)

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
    _used = False

    def connect(self) -> None:
        lease = current_lease()
        patience = self.timeout
        self._head, self._connecting, self._used = None, True, False
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
        self._head, self._used = b"", True
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
        lease = current_lease()
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
        lease = current_lease()
        self.lease: Lease | None = lease
        if lease is not None:
            lease.reused, lease.poll = self._used, self._poll.poll
            lease.hold(self.sock)


class UpstreamHTTPConnection(_Upstream, HTTPConnection):
    """A plain connection to an upstream."""

    response_class = FramedAnswer


class UpstreamHTTPSConnection(_Upstream, HTTPSConnection):
    """A TLS connection to an upstream."""

    response_class = FramedAnswer
