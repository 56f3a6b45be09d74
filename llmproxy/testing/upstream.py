"""An upstream that goes wrong on purpose: raw sockets, exact bytes, faults by name."""

import collections
import contextlib
import functools
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from llmproxy.testing.faults import FAULTS
from llmproxy.testing.link import ClientLeft, Link
from llmproxy.testing.pieces import sized
from llmproxy.testing.script import CLOSE, Exchange, Fault, Scene, Script, Stage, Step, steps_of
from llmproxy.testing.words import OPENAI_CHAT, Words

HOST = "127.0.0.1"
THREAD = "llmproxy-fault-upstream"
"""What its threads are called."""

_IN_PATH = re.compile(r"/@([^/]+)(/.*)?")
_JOIN_SECS = 5.0
_DONE_SECS = 0.1
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A fault with its options, as it is played."""

    name: str
    at: Stage
    script: Callable[[Scene], Iterable[Step]]


class FaultUpstream:
    """An upstream on this machine that does what it is told to; until then nothing is wrong with it.

    A fault is chosen by `play`, with others after it by `then`, or by the path of a request: below
    `/@slow_headers;seconds=2/` that fault answers. `FAULTS` has all of them.

        with FaultUpstream() as upstream:
            upstream.play("status", code=503).then("ok")

    Args:
        words: What it says where nothing is wrong.
        tls: Serves TLS with this context's certificate.
        port: 0 takes any free one.

    Attributes:
        words: May be replaced at any time.
        requests: Every request so far.
        connections: How many connections were taken so far.
        failed_handshakes: How many of them never became TLS.
    """

    def __init__(self, *, words: Words = OPENAI_CHAT, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.words = words
        self.requests: list[Exchange] = []
        self.connections = 0
        self.failed_handshakes = 0
        self.port = port
        self._tls = tls
        self._parts: collections.deque[Part] = collections.deque([part_of("ok")])
        self._links: set[Link] = set()
        self._threads: set[threading.Thread] = set()
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._changed = threading.Condition()
        self._listen()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """A base URL, as an `[llm.*]` table has it."""
        return f"{self.origin}/v1"

    @property
    def open_requests(self) -> int:
        """Requests whose answer still goes on."""
        with self._changed:
            return sum(request.ended is None for request in self.requests)

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed."""
        with self._changed:
            return len(self._links)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def play(self, fault: str | Script, **options: Any) -> Self:
        """Plays this fault at each request from now on, beginning on a new connection.

        Args:
            fault: Its name; after a colon may follow its first option, as in `status:503`. Or a script of one's own.

        Raises:
            ValueError: There is no such fault, or it has no such option.
        """
        part = part_of(fault, **options)
        with self._changed:
            self._parts = collections.deque([part])
            # One whose client has read the whole answer may still have to notice that it is done.
            self._changed.wait_for(lambda: not any(link.busy for link in self._links), _DONE_SECS)
            idle = [link for link in self._links if not link.busy]
        for link in idle:
            link.shut_down()
        self._stop_listening()
        if part.at != "listen":
            self._listen()
        elif part.name == "full_backlog":
            self._fill_backlog()
        return self

    def then(self, fault: str, **options: Any) -> Self:
        """Plays this fault once the one before it was played once; the last one goes on.

        Raises:
            ValueError: There is no such fault, or it cannot be one of several.
        """
        part = part_of(fault, **options)
        with self._changed:
            if "listen" in (part.at, self._parts[-1].at):
                raise ValueError("a port at which nobody listens cannot be one of several faults")
            self._parts.append(part)
        return self

    def wait_for(self, condition: Callable[[Self], bool], seconds: float = 5.0) -> bool:
        """Waits until something is true of it, as `lambda upstream: upstream.open_requests == 0`.

        Returns:
            Whether it became true in time.
        """
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), seconds)

    def close(self) -> None:
        """Closes every connection, whatever is going on there."""
        self._stop_listening()
        with self._changed:
            links, threads = list(self._links), list(self._threads)
        for link in links:
            link.shut_down()
        for thread in threads:
            thread.join(_JOIN_SECS)

    def _listen(self) -> None:
        listener = self._listener = socket.create_server((HOST, self.port), backlog=_BACKLOG)
        self.port = listener.getsockname()[1]
        self._start(self._accept, listener)

    def _stop_listening(self) -> None:
        for each in (*self._fillers, *filter(None, [self._listener])):
            with contextlib.suppress(OSError):  # one that has no other side
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            each.close()
        self._fillers, self._listener = [], None

    def _fill_backlog(self) -> None:
        self._listener = socket.create_server((HOST, self.port), backlog=0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((HOST, self.port))
            self._fillers.append(filler)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        def run() -> None:
            try:
                work(*args)
            finally:
                with self._changed:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=THREAD, daemon=True)
        with self._changed:
            self._threads.add(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:  # closed
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections += 1
                link = Link(accepted, self.connections)
                self._links.add(link)
                self._changed.notify_all()
            self._start(self._serve, link)

    def _serve(self, link: Link) -> None:
        try:
            part = self._take("connect")
            if part is not None:
                self._perform(link, part, Scene(self.words))
            elif self._encrypted(link):
                self._serve_requests(link)
        except OSError:  # gone between two requests
            pass
        finally:
            link.close()
            with self._changed:
                self._links.discard(link)
                self._changed.notify_all()

    def _encrypted(self, link: Link) -> bool:
        try:
            if self._tls is not None:
                link.encrypt(self._tls)
            return True
        except OSError:
            self.failed_handshakes += 1
            return False

    def _serve_requests(self, link: Link) -> None:
        nth = 0
        while (request := link.read_head()) is not None:
            nth += 1
            link.busy = True
            part = self._part_for(request)
            try:
                if part.at != "head":
                    request.body = link.read_body(request)
            except ClientLeft:
                return
            request.fault, request.arrived = part.name, time.monotonic()
            with self._changed:
                self.requests.append(request)
                self._changed.notify_all()
            if not self._perform(link, part, Scene(self.words, request, nth)):
                return

    def _perform(self, link: Link, part: Part, scene: Scene) -> bool:
        """Plays a fault; whether the connection stays open after it."""
        request = scene.request
        stays = True
        try:
            for step in steps_of(part.script, scene):
                stays = link.perform(step, request)
        except ClientLeft:
            stays = False
            if request is not None:
                request.left = time.monotonic()
        with self._changed:
            if request is not None:
                request.ended = time.monotonic()
            link.busy = False
            self._changed.notify_all()
        return stays

    def _take(self, *stages: Stage) -> Part | None:
        """The fault that is next, if it is one of these stages."""
        with self._changed:
            part = self._parts[0]
            if part.at not in stages:
                return None
            if len(self._parts) > 1:
                self._parts.popleft()
            return part

    def _part_for(self, request: Exchange) -> Part:
        """What is played for a request: what its path says, else what is next."""
        found = _IN_PATH.fullmatch(request.path)
        if found is None:
            return self._take("head", "request") or _DROPPED
        request.path = found[2] or "/"
        try:
            return part_in_path(found[1])
        except ValueError as error:
            return _explained(str(error))


def part_of(name: str | Script, **options: Any) -> Part:
    """A fault and its options by the name that `play` takes; or a script, which has none.

    Raises:
        ValueError: There is no such fault, or it has no such option.
    """
    if not isinstance(name, str):
        return Part("script", "request", functools.partial(name, **options))
    name, _, first = name.partition(":")
    fault = FAULTS.find(name)
    if first:
        if not fault.options:
            raise ValueError(f"{name} has no options")
        option = next(iter(fault.options))
        options = {option: _read(fault, option, first), **options}
    return Part(fault.name, fault.at, fault.bind(**options))


def part_in_path(text: str) -> Part:
    """A fault and its options as a path has them: `slow_headers;seconds=2`.

    Raises:
        ValueError: There is no such fault, it has no such option, or it strikes before a path is known.
    """
    name, *rest = text.split(";")
    fault = FAULTS.find(name.partition(":")[0])
    if fault.at in ("listen", "connect"):
        raise ValueError(f"{fault.name} strikes before there is a request, so no path can choose it")
    pairs = (each.partition("=") for each in rest)
    return part_of(name, **{option: _read(fault, option, value) for option, _, value in pairs})


def _read(fault: Fault, option: str, value: str) -> Any:
    """An option's value from a text: of the kind that its default is."""
    kind = type(fault.options.get(option, ""))
    if kind is bool:
        return value == "true"
    return kind(value) if kind in (int, float) else value


def _explained(problem: str) -> Part:
    said = sized(problem.encode(), "Content-Type: text/plain", status="404 Not Found")
    return Part("unknown", "request", lambda scene: (said,))


# For a request on a connection that was open before the fault that no connection should get past.
_DROPPED = Part("dropped", "request", lambda scene: (CLOSE,))
