"""gunicorn's thread worker, mended where it is at fault with streams and with clients that do not behave.

* The main loop never waits for a client: whoever answered lingers for the client's close, and who has not sent a whole
  head yet holds no thread.
* A client that does not read, or keeps silent within a body, is dropped.
* An answer given before all of the body was read says `Connection: close`, and means it.
* A worker that stops ends every answer, honestly, before gunicorn ends the worker.

It also spares the main loop what it does for nothing at each request: a client that asks again at once is answered by
the same thread, the heartbeat is one a second, and sockets keep their mode.
"""

import contextlib
import errno
import fcntl
import importlib
import math
import os
import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from llmproxy.server.connection import HEAD_SECS, ClientSocket, Connection

END_SECS = 2.0
"""How long before gunicorn's limit a stopping worker ends the streams that are left."""

CUT_SECS = 1.0
"""How long before it those are cut whose client does not take the end."""

AGAIN_SECS = 0.005
"""How long the thread that has answered waits for the client's next request before the main loop does."""

BEAT_SECS = 1.0
TURN_SECS = 0.1

# In place of gunicorn's own sign for a connection that goes back to the poller: that one waits as long as keep-alive.
_MORE = object()


class StreamWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`worker_class = "llmproxy.server.worker.StreamWorker"`. Its options are those of gthread."""

    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Called in the main process, before the fork."""
        super().__init__(*args, **kwargs)
        self._beat_at = self._accept_at = 0.0
        self._end = math.inf
        self._in_hand: set[Connection] = set()
        for listener in self.sockets:
            mark_as_served(listener)
            defer_accept(listener)

    def before_loading(self) -> None:
        """Called before the application is loaded; the settings' hook puts something in its place."""

    def load_wsgi(self) -> None:
        self.before_loading()
        super().load_wsgi()
        # Not imported above: the main process, which needs the class, would keep it in memory for as long as it runs.
        self._in_flight = importlib.import_module("llmproxy.web.in_flight").IN_FLIGHT

    def notify(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + min(BEAT_SECS, self.timeout / 2)
            super().notify()

    def run(self) -> None:
        """gunicorn's main loop, with a drain of our own."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        while self.alive and self.is_parent_alive():
            self._turn(True, BEAT_SECS)
        self.alive = False
        self._drain()
        self.murder_keepalived(force=True)
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()
        for listener in self.sockets:
            listener.close()
        if self.nr_conns:
            self.log.warning("%s connections were still busy when the worker had to end", self.nr_conns)
            os._exit(0)  # their threads would hold the process until it is killed for being silent

    def accept(self, listener: Any) -> None:
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # gunicorn's would end the worker, streams and all
                self.log.warning("a connection has to wait: %s", error.strerror)
                self._accept_at = time.monotonic() + BEAT_SECS
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        client = ClientSocket(accepted.family, accepted.type, accepted.proto, accepted.detach())
        client.limit()
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname()))

    def handle(self, conn: Connection) -> object:
        """Answers a request, and those that follow at once. Runs in a thread of the pool."""
        self._in_hand.add(conn)
        try:
            result = self._answer(conn)
            while result is True and self._has_idle_threads() and conn.asks_again(AGAIN_SECS):
                result = self._answer(conn)
            if not result:
                conn.close(graceful=True)
            return result
        finally:
            self._in_hand.discard(conn)

    def finish_request(self, conn: Connection, fs: "Future[object]") -> None:
        """What becomes of a connection whose thread is done with it. Runs in the main loop."""
        if fs.cancelled() or fs.exception() or fs.result() is not _MORE:
            super().finish_request(conn, fs)
            return
        conn.timeout = time.monotonic() + (HEAD_SECS if self.alive else STOP_KEEPALIVE_LINGER)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ends every answer at once, and then the worker."""
        self.cfg.worker_int(self)
        self.handle_exit(sig, frame)
        self.method_queue.defer(self._hurry)

    def _answer(self, conn: Connection) -> object:
        """Whether the connection stays open; `_MORE` if there was nothing to answer yet."""
        if conn.is_plain:
            try:
                if not conn.has_head():
                    return _MORE
            except OSError as error:  # gone, or too slow
                self.log.debug("Closing connection. %s", error)
                return False
        return super().handle(conn)

    def _has_idle_threads(self) -> bool:
        """Whether so few threads are busy that one may wait for its client."""
        busy = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        return self.alive and busy * 2 <= self.cfg.threads

    def _turn(self, accepting: bool, secs: float) -> None:
        self.notify()
        has_room = self.nr_conns < self.worker_connections and time.monotonic() >= self._accept_at
        self.set_accept_enabled(accepting and has_room)
        self.wait_for_and_dispatch_events(secs)
        self.murder_keepalived()
        self.murder_pending()

    def _drain(self) -> None:
        """Lets answers end by themselves, then ends them.

        Where another worker takes over (a reload), requests on connections that are kept alive are still served, as
        their clients cannot know. Otherwise nobody else will answer: so this worker does, and says that it is going.
        """
        began, in_flight = time.monotonic(), self._in_flight
        self._end = min(self._end, began + self.cfg.graceful_timeout)
        for waiting in (self.keepalived_conns, self.pending_conns):
            for conn in waiting:
                conn.timeout = min(conn.timeout, began + STOP_KEEPALIVE_LINGER)
        while self.nr_conns and (now := time.monotonic()) < self._end:
            last = not any(is_served_by_another(listener) for listener in self.sockets)
            if not in_flight.draining and (last or now - began >= STOP_KEEPALIVE_LINGER):
                in_flight.drain(max(0.0, self._end - END_SECS - now))
            if now >= self._end - CUT_SECS:
                for conn in list(self._in_hand):
                    conn.cut()
            self._turn(last and len(in_flight) > 0, TURN_SECS)

    def _hurry(self) -> None:
        self._end = min(self._end, time.monotonic() + END_SECS)
        self._in_flight.drain(0)


def mark_as_served(listener: Any) -> None:
    """Marks a listener for as long as this process keeps it open.

    It is a lock of the process's on the socket, which its children do not have. gunicorn's main process closes its
    listeners before it tells its workers to stop, and only then: so they know a stop from a reload.
    """
    with contextlib.suppress(OSError):  # not every system has such locks on sockets
        fcntl.lockf(listener, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_served_by_another(listener: Any) -> bool:
    """Whether another process has marked it. Where none can, somebody else is supposed to."""
    try:
        fcntl.lockf(listener, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(listener, fcntl.LOCK_UN)
    except OSError:
        return True
    return False


def defer_accept(listener: Any) -> None:
    """Has the kernel keep a connection to itself until its client says something."""
    if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.FAMILY != socket.AF_UNIX:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(HEAD_SECS))
