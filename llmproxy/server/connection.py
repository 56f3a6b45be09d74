"""A client's connection as our worker has it: what gunicorn's own has too little of, and what it does too often."""

import errno
import fcntl
import select
import socket
import struct
import termios
import time
from typing import Any

from gunicorn import util
from gunicorn.http.body import LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn

HEAD_SECS = 30.0
"""How long a head may take from its first byte to its last, and a new connection to its first byte."""

SEND_SECS = 30.0
"""How long a write may make no progress, until the application says otherwise by `[server] write_secs`."""

RECEIVE_SECS = 60.0
"""How long a read may wait. For views of a host application: ours wait no longer for a body than 30 s in all."""

# What is still read of a body after the answer, for LINGER_SECS at most: a client that is cut off while it sends does
# not read why.
LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECS = 2.0

# gunicorn's own limits for a head end below this; longer ones are its parser's to refuse.
_MAX_HEAD = 64 * 1024
_READ = 8192


class ClientSocket(socket.socket):
    """Our end of a connection. It blocks, but not for ever: its limits are the kernel's, which cost no system call."""

    def limit(self) -> None:
        """Sets the limits with which it begins."""
        for option, secs in ((socket.SO_RCVTIMEO, RECEIVE_SECS), (socket.SO_SNDTIMEO, SEND_SECS)):
            self.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", int(secs), 0))

    def setblocking(self, flag: bool) -> None:
        """Leaves it blocking. gunicorn changes the mode five times per request, a system call each, and then only reads
        what epoll has announced."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Sends everything.

        Raises:
            BrokenPipeError: The client has read nothing for as long as a write may wait. It is reset rather than
                closed, or the kernel would go on offering what it does not take.
        """
        try:
            sent = self.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        rest = memoryview(data)[sent:]
        while rest:
            unread = self._unread()
            try:
                rest = rest[self.send(rest) :]
            except BlockingIOError as error:
                # A write waits until a third of the kernel's buffer is free, which a slow reader may take minutes for.
                if self._unread() >= unread:
                    self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
                    raise BrokenPipeError(errno.EPIPE, "the client reads nothing") from error

    def _unread(self) -> int:
        """How many bytes the client has not taken yet."""
        answer = fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("@i", answer)[0])


class Unreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """What has been received and not been parsed.

    Attributes:
        ended: Whether the client has closed its half, or was silent for too long.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.ended = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes; none when there will be no more."""
        try:
            data: bytes = super().chunk(size_hint)
        except BlockingIOError:  # RECEIVE_SECS
            data = b""
        self.ended = not data
        return data


class Message(Request):  # type: ignore[misc]
    """A request after which the connection closes if its body was not read by the time of the answer: who knows how
    much of it is still to come? The answer says so."""

    def should_close(self) -> bool:
        if self.unreader.ended or not _is_read(self.body):
            self.force_close()
        return bool(super().should_close())


class Parser(RequestParser):  # type: ignore[misc]
    """Messages one after the other."""

    mesg_class = Message

    def __init__(self, cfg: Any, source: socket.socket, source_addr: Any) -> None:
        super().__init__(cfg, source, source_addr)
        self.unreader = Unreader(source)

    def finish_body(self, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        """There is nothing to finish: see `Message`. gunicorn reads on, and switches the socket's mode for that."""
        return True


class Connection(TConn):  # type: ignore[misc]
    """A connection that holds a thread only for a request whose head is there.

    Over TLS of gunicorn's own, HTTP/2 and uWSGI it is gunicorn's in all but its end.
    """

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.is_plain = not cfg.is_ssl and cfg.protocol == "http" and cfg.http2_cleartext == "off"
        self._closed = False
        self._head_until: float | None = None
        if self.is_plain:
            self.parser = Parser(cfg, sock, client)

    def has_head(self) -> bool:
        """Whether there is a head to be parsed, or at least its end; nobody waits for one.

        Raises:
            TimeoutError: It has taken too long.
        """
        unreader = self.parser.unreader
        head = unreader.buf.getvalue()
        while not (b"\n\r\n" in head or b"\n\n" in head or len(head) > _MAX_HEAD):
            try:
                received = self.sock.recv(_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait_for_head()
                return False
            if not received:
                break
            unreader.buf.write(received)
            head += received
        self._head_until, self.data_ready = None, True
        return True

    def asks_again(self, secs: float) -> bool:
        """Whether the next request comes within so many seconds."""
        if self.parser.unreader.buf.getvalue():
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(secs * 1000))

    def close(self, graceful: bool = False) -> None:
        """Closes it, once."""
        if self._closed:
            return
        self._closed = True
        if graceful:
            util.close_graceful(self.sock, LINGER_SECS, LINGER_BYTES)
        else:
            util.close(self.sock)

    def cut(self) -> None:
        """Wakes the thread that reads from it or writes to it."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client was quicker

    def _wait_for_head(self) -> None:
        now = time.monotonic()
        self._head_until = self._head_until or now + HEAD_SECS
        if now > self._head_until:
            raise TimeoutError("the head did not arrive in time")


def _is_read(body: Any) -> bool:
    """Whether all of a request's body was read off the connection."""
    if body is None or body.failed:
        return body is None
    reader = body.reader
    return reader.length == 0 if isinstance(reader, LengthReader) else reader.parser is None
