"""The one thread that looks around for all who cannot: for clients that have left, and for deadlines.

A worker's thread waits for its upstream and sees nothing else. What is to be done is a callback, which cancels the
request or shuts a socket down; it runs in the watchdog's thread and must not wait for anything.
"""

import heapq
import itertools
import logging
import math
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

Callback = Callable[[], None]

# A socket is not watched before it has been there for a moment: most requests are over by then and cost no system call.
TICK_SECS = 0.02
_MANY = 256


class Alarm:
    """Something to be done at a time, unless it is called off."""

    __slots__ = ("_watchdog", "callback")

    def __init__(self, watchdog: "Watchdog", callback: Callback) -> None:
        self._watchdog = watchdog
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """It is not to be done any more. Idempotent."""
        if self.callback is not None:
            self.callback = None
            self._watchdog.called_off()


class Watch:
    """A client's socket that somebody wants to know about."""

    __slots__ = ("_watchdog", "callback", "fileno")

    def __init__(self, watchdog: "Watchdog", fileno: int, callback: Callback) -> None:
        self._watchdog = watchdog
        self.fileno = fileno
        self.callback: Callback | None = callback

    def end(self) -> None:
        """Nobody wants to know any more. To be called before the socket is closed: its number may be another's then."""
        self._watchdog.forget(self)


class Watchdog:
    """Watches for all threads of a process. Its own thread starts when it is first asked for something."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._reset()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _renew(itself()))

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._running = False
        self._numbers = itertools.count()
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._called_off = 0
        self._new: list[Watch] = []
        self._watched: dict[int, Watch] = {}
        self._asleep_until = 0.0
        self._dozing = False

    def renew(self) -> None:
        """Begins anew in a child process, which has neither its parent's thread nor anything that was asked of it."""
        for each in self._open:
            each.close()
        self._open.clear()
        self._reset()

    def at(self, when: float, callback: Callback) -> Alarm:
        """Has `callback` called at a time of the monotonic clock."""
        alarm = Alarm(self, callback)
        with self._lock:
            self._start()
            heapq.heappush(self._alarms, (when, next(self._numbers), alarm))
            if when < self._asleep_until:
                self._wake()
        return alarm

    def watch(self, client: socket.socket, callback: Callback) -> Watch:
        """Has `callback` called when the other side has closed this socket, or its half of it.

        Nothing is read, so neither TLS nor a pipelined request is disturbed. Where there is no epoll (it is Linux's), a
        client's leaving is noticed when something is written to it.
        """
        watch = Watch(self, client.fileno(), callback)
        if hasattr(select, "epoll") and watch.fileno >= 0:
            with self._lock:
                self._start()
                self._new.append(watch)
                if self._dozing:
                    self._wake()
        return watch

    def forget(self, watch: Watch) -> None:
        """See `Watch.end`."""
        with self._lock:
            watch.callback = None
            if self._watched.get(watch.fileno) is watch:
                del self._watched[watch.fileno]
                self._unregister(watch.fileno)

    def called_off(self) -> None:
        """An alarm was; those that were leave the heap when there are many of them."""
        with self._lock:
            self._called_off += 1
            if self._called_off > _MANY and self._called_off > len(self._alarms) / 2:
                self._alarms = [entry for entry in self._alarms if entry[2].callback is not None]
                heapq.heapify(self._alarms)
                self._called_off = 0

    def _start(self) -> None:
        """Starts the thread, unless it runs."""
        if self._running:
            return
        self._running = True
        self._bell, self._ringer = socket.socketpair()
        self._open += [self._bell, self._ringer]
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        if hasattr(select, "epoll"):
            self._epoll = select.epoll()
            self._open.append(self._epoll)
            self._epoll.register(self._bell, select.EPOLLIN)
        threading.Thread(target=self._run, name="llmproxy-watchdog", daemon=True).start()

    def _wake(self) -> None:
        self._asleep_until, self._dozing = 0.0, False
        try:
            self._ringer.send(b"!")
        except BlockingIOError:
            return  # it has been rung often enough

    def _run(self) -> None:
        while True:
            gone = self._wait(self._patience())
            with self._lock:
                due = [*gone, *self._due(time.monotonic())]
                self._take_on()
            for callback in due:
                try:
                    callback()
                except Exception:  # one that fails must not keep the others from being called
                    log.exception("a callback of the watchdog's failed")

    def _patience(self) -> float | None:
        """How long there is nothing to do; None if that is for somebody to say."""
        with self._lock:
            now = time.monotonic()
            self._asleep_until = self._alarms[0][0] if self._alarms else math.inf
            self._dozing = not self._new
            if self._new:
                self._asleep_until = min(self._asleep_until, now + TICK_SECS)
            return None if self._asleep_until == math.inf else max(0.0, self._asleep_until - now)

    def _wait(self, seconds: float | None) -> list[Callback]:
        """Waits; gives what is to be done about the sockets that were closed meanwhile."""
        if not hasattr(select, "epoll"):
            select.select([self._bell], [], [], seconds)
            self._hear_bell()
            return []
        closed = [fileno for fileno, _ in self._epoll.poll(seconds)]
        if self._bell.fileno() in closed:
            self._hear_bell()
        with self._lock:
            watches = [self._watched.get(fileno) for fileno in closed]
            return [watch.callback for watch in watches if watch is not None and watch.callback is not None]

    def _hear_bell(self) -> None:
        try:
            self._bell.recv(4096)
        except BlockingIOError:
            return

    def _due(self, now: float) -> list[Callback]:
        callbacks = []
        while self._alarms and self._alarms[0][0] <= now:
            alarm = heapq.heappop(self._alarms)[2]
            if alarm.callback is None:
                self._called_off = max(0, self._called_off - 1)
            else:
                callbacks.append(alarm.callback)
                alarm.callback = None
        return callbacks

    def _take_on(self) -> None:
        """Registers the sockets that are still of interest."""
        new, self._new = self._new, []
        for watch in new:
            if watch.callback is not None:
                self._watched[watch.fileno] = watch
                self._register(watch.fileno)

    def _register(self, fileno: int) -> None:
        events = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLONESHOT
        try:
            self._epoll.register(fileno, events)
        except FileExistsError:
            self._epoll.modify(fileno, events)
        except OSError:  # closed in spite of all; whoever writes to it will notice
            self._watched.pop(fileno, None)

    def _unregister(self, fileno: int) -> None:
        try:
            self._epoll.unregister(fileno)
        except OSError:
            return  # closed, which unregisters by itself


def _renew(watchdog: Watchdog | None) -> None:
    if watchdog is not None:
        watchdog.renew()


WATCHDOG = Watchdog()
"""The process's own."""
