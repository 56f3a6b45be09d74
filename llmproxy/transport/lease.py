"""What one attempt holds of a connection, and how another thread can wake it.

urllib3 has no parameter that would bring the attempt to the connection that serves it, so the thread carries it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmproxy.core.ticker import Ticker

if TYPE_CHECKING:
    from llmproxy.core.errors import LLMProxyError
    from llmproxy.transport.framing import FramedAnswer

_thread = threading.local()


class Lease:
    """What one attempt holds of a connection, from the moment it has one until the answer is read.

    Attributes:
        connect_secs: How long connecting may take; urllib3's one timeout is that of the reads.
        ticker: What the thread does while it waits.
        poll: Waits, for so many milliseconds, until the connection's socket can be read.
        sent: Whether a byte of the request has been given to the socket.
        reused: Whether the connection has served a request before.
        heard: Whether the first line of an answer has come.
        answer: The answer's framing, once its head has come.
        reason: Why the attempt was given up, if it was.
    """

    def __init__(self, connect_secs: float = 5.0, ticker: Ticker | None = None) -> None:
        self.connect_secs = connect_secs
        self.ticker = ticker or Ticker()
        self.poll: Callable[[float | None], Any] | None = None
        self.sent = False
        self.reused = False
        self.heard = False
        self.answer: FramedAnswer | None = None
        self.reason: LLMProxyError | None = None
        self._socket: socket.socket | None = None
        self._shut = False
        self._ended = False
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
            self._socket, self._ended = None, True

    def shut_down(self) -> None:
        """Wakes whoever waits for this socket, from any thread. Closing it would not (measured)."""
        with self._lock:
            self._shut = True
            if self._socket is not None:
                _shut_down(self._socket)

    def expire(self, reason: LLMProxyError) -> None:
        """Gives the attempt up, from any thread, unless it is over."""
        with self._lock:
            if self._ended or self.reason is not None:
                return
            self.reason = reason
        self.shut_down()


class leased:  # used as `with leased(lease):`; a generator would cost more than what it guards
    """Connections that this thread uses within the block belong to `lease`."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def __enter__(self) -> None:
        _thread.lease = self._lease

    def __exit__(self, *exc_info: object) -> None:
        _thread.lease = None


def current_lease() -> Lease | None:
    """The lease of this thread's attempt; None outside of one."""
    return getattr(_thread, "lease", None)


def _shut_down(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, where nothing has to be said first
    except OSError:
        return  # it is gone already
