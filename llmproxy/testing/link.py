"""A connection of the upstream's: it sends, waits, and notices at once when the client leaves."""

import contextlib
import io
import select
import socket
import ssl
import struct

from llmproxy.testing.script import CLOSE, DRAIN, HOLD, RESET, Exchange, Step, Wait

_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
_MAX_LINE = 1024 * 1024


class ClientLeft(Exception):
    """The client has closed the connection."""


class Link:
    """One accepted connection.

    Attributes:
        number: Which one it is, counted from 1.
        busy: Whether it is within a request.
    """

    def __init__(self, accepted: socket.socket, number: int) -> None:
        self.number = number
        self.busy = False
        self._socket = accepted
        self._poll = select.poll()
        self._poll.register(accepted, _GONE)
        self._reader: io.BufferedReader | None = None

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Does the server's part of a TLS handshake.

        Raises:
            OSError: It failed.
        """
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def read_head(self) -> Exchange | None:
        """The next request without its body; None when the client has closed the connection."""
        reader = self._reader = self._reader or self._socket.makefile("rb")
        method, _, rest = reader.readline(_MAX_LINE).decode("latin-1").strip().partition(" ")
        headers = {}
        while line := reader.readline(_MAX_LINE).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Exchange(method, rest.partition(" ")[0], headers, self.number) if method else None

    def read_body(self, request: Exchange) -> bytes:
        """The body of the request whose head was read.

        Raises:
            ClientLeft: It is not complete.
        """
        assert self._reader is not None
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self._read_chunk, b""))
        return self._read(int(request.headers.get("content-length", 0)))

    def perform(self, step: Step, exchange: Exchange | None) -> bool:
        """Does one step; whether the connection stays open after it.

        Raises:
            ClientLeft: Before the step was done.
        """
        if isinstance(step, bytes):
            self._send(step, exchange)
        elif isinstance(step, Wait):
            self._wait(step.seconds)
        elif step is HOLD:
            self._wait(None)
        elif step is DRAIN:
            self._drain()
        elif step is RESET:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        return step not in (CLOSE, RESET)

    def shut_down(self) -> None:
        """Ends the connection from any thread: whoever waits for it wakes."""
        with contextlib.suppress(OSError):  # closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes it."""
        if self._reader is not None:
            self._reader.close()
        self._socket.close()

    def _send(self, data: bytes, exchange: Exchange | None) -> None:
        self._wait(0)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ClientLeft from error
        if exchange is not None:
            exchange.sent += len(data)

    def _wait(self, seconds: float | None) -> None:
        """Waits so long, or, given None, until the client leaves."""
        if self._poll.poll(None if seconds is None else seconds * 1000):
            raise ClientLeft

    def _drain(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):  # reset
            while self._socket.recv(_MAX_LINE):
                pass
        raise ClientLeft

    def _read_chunk(self) -> bytes:
        assert self._reader is not None
        size = int(self._reader.readline(_MAX_LINE).partition(b";")[0] or b"0", 16)
        data = self._read(size)
        self._reader.readline(_MAX_LINE)
        return data

    def _read(self, size: int) -> bytes:
        assert self._reader is not None
        data = self._reader.read(size)
        if len(data) < size:
            raise ClientLeft
        return data
