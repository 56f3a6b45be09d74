"""The load generator: raw sockets, one event loop, and a check of every answer.

`ask_repeatedly` keeps N connections busy, each asking again as soon as it was answered; `open_streams` opens N
streams and listens to them side by side. An answer that is not what the upstream said (status, framing, text or
number of events, ending) is counted as an error under its reason, and its caller does not ask again.
"""

import gc
import json
import math
import random
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from upstream import ANSWER_TEXT, CHAT_PATH, HOST, Script

PATIENCE_SECS = 30  # how much later than planned an answer may end before it is given up

STAMP = re.compile(r"@(\d+)@")
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]+")
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")


class BrokenAnswer(Exception):
    """The answer is not what the upstream said. The message is the reason it is counted under."""


@dataclass
class Exchange:
    """One question and its answer. Moments on the monotonic clock and delays, all in nanoseconds."""

    asked: int
    ended: int = 0
    first_event: int = 0
    delays: list[int] = field(default_factory=list)


def percentile(nanoseconds: list[int], percent: float) -> float:
    """In milliseconds, by nearest rank; not a number when nothing was measured."""
    if not nanoseconds:
        return math.nan
    return sorted(nanoseconds)[round(percent / 100 * (len(nanoseconds) - 1))] / 1e6


@dataclass
class Result:
    """What a crowd of callers has seen: the right answers, and the reasons of the others."""

    exchanges: list[Exchange]
    errors: Counter[str]
    cpu_share: float  # of one CPU, used by the load generator itself

    def latencies(self) -> list[int]:
        return [exchange.ended - exchange.asked for exchange in self.exchanges]

    def first_events(self) -> list[int]:
        return [exchange.first_event - exchange.asked for exchange in self.exchanges]

    def delays(self) -> list[int]:
        return [delay for exchange in self.exchanges for delay in exchange.delays]


def ask_repeatedly(
    port: int, connections: int, seconds: float, script: Script | None = None, warmup_secs: float = 0.5
) -> Result:
    """Keeps `connections` connections busy; the exchanges that ended within the measured seconds are the result.

    Args:
        script: The stream to ask for; None asks for whole answers.
        warmup_secs: Time before that, over which the callers start one by one, lest they march in step.
    """
    begin = time.monotonic_ns() + round(warmup_secs * 1e9)
    end = begin + round(seconds * 1e9)
    result = Crowd(port, script).call(moments(connections, warmup_secs), ask_until=end)
    result.exchanges = [exchange for exchange in result.exchanges if begin <= exchange.ended <= end]
    return result


def open_streams(
    port: int, streams: int, script: Script, spread_secs: float, when_open: Callable[[], None] | None = None
) -> Result:
    """Opens `streams` streams at moments spread over some seconds, and listens to each until it ends.

    Args:
        when_open: Called once, when every stream has had its first event.
    """
    return Crowd(port, script, when_open).call(moments(streams, spread_secs))


def moments(count: int, spread_secs: float) -> list[float]:
    """As many moments, the same in every run, scattered over the first seconds."""
    chance = random.Random(count)
    return [chance.uniform(0, spread_secs) for _ in range(count)]


class Crowd:
    """The event loop: starts callers at their moments, listens to all of them, and keeps what they report."""

    def __init__(self, port: int, script: Script | None, when_open: Callable[[], None] | None = None) -> None:
        self._port = port
        self._script = script
        self._when_open = when_open
        self._selector = selectors.DefaultSelector()
        self._busy: set[Caller] = set()
        self._silent: set[Caller] = set()
        self._exchanges: list[Exchange] = []
        self._errors: Counter[str] = Counter()

    def call(self, starts: list[float], ask_until: int = 0) -> Result:
        """Runs one caller per start (seconds from now); each asks once, and again while `ask_until` is ahead."""
        stream_ns = self._script.events * self._script.gap_ms * 10**6 if self._script else 0
        began, cpu = time.monotonic_ns(), time.process_time()
        waiting = [
            (began + round(start * 1e9), Caller(self._port, self._script, self._selector))
            for start in sorted(starts, reverse=True)
        ]
        deadline = max(ask_until, waiting[0][0]) + stream_ns + PATIENCE_SECS * 10**9
        self._silent = {caller for _, caller in waiting}
        now = began
        with no_collection():
            while (waiting or self._busy) and now < deadline:
                while waiting and waiting[-1][0] <= now:
                    self._start(waiting.pop()[1])
                pause = max(0.0, (waiting[-1][0] - now) / 1e9) if waiting else 1.0
                for key, _ in self._selector.select(pause):
                    self._hear(key.data, ask_until)
                now = time.monotonic_ns()
        for caller in self._busy.copy():
            self._give_up(caller, "unfinished")
        self._selector.close()
        share = (time.process_time() - cpu) / ((now - began) / 1e9)
        return Result(self._exchanges, self._errors, share)

    def _start(self, caller: "Caller") -> None:
        self._busy.add(caller)
        try:
            caller.ask()
        except OSError as error:
            self._give_up(caller, f"{type(error).__name__} when asking")

    def _hear(self, caller: "Caller", ask_until: int) -> None:
        try:
            is_over = caller.listen()
        except BrokenAnswer as error:
            self._give_up(caller, str(error))
            return
        except OSError as error:
            self._give_up(caller, f"{type(error).__name__} when listening")
            return
        if self._when_open and caller.exchange.first_event and caller in self._silent:
            self._silent.remove(caller)
            if not self._silent:
                self._when_open()
        if is_over:
            self._exchanges.append(caller.exchange)
            if caller.exchange.ended < ask_until:
                self._start(caller)
            else:
                self._busy.remove(caller)
                caller.hang_up()

    def _give_up(self, caller: "Caller", reason: str) -> None:
        self._errors[reason] += 1
        self._busy.remove(caller)
        caller.hang_up()


@contextmanager
def no_collection() -> Iterator[None]:
    """Keeps the garbage collector from stopping the loop, which would look like a delay of the target."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Caller:
    """One connection, kept alive where the target lets it be, and the exchange that is under way on it."""

    def __init__(self, port: int, script: Script | None, selector: selectors.BaseSelector) -> None:
        self.exchange = Exchange(asked=0)
        self._port = port
        self._script = script
        self._request = request_for(script)
        self._selector = selector
        self._sock: socket.socket | None = None
        self._reader = AnswerReader()
        self._check: TextCheck | EventCheck = TextCheck()

    def ask(self) -> None:
        self.exchange = Exchange(time.monotonic_ns())
        self._reader = AnswerReader()
        self._check = EventCheck(self.exchange, self._script) if self._script else TextCheck()
        if not self._sock:
            self._sock = socket.create_connection((HOST, self._port), timeout=5)
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(self._sock, selectors.EVENT_READ, self)
        if self._sock.send(self._request) < len(self._request):
            raise BlockingIOError("the request did not fit into the socket's buffer")

    def listen(self) -> bool:
        """Takes in what has come; true when the answer is over, and right."""
        assert self._sock
        data = self._sock.recv(65536)
        now = time.monotonic_ns()
        self._check.feed(self._reader.feed(data) if data else self._reader.feed_end(), now)
        if not self._reader.is_whole:
            return False
        self._check.finish()
        self.exchange.ended = now
        if not self._reader.keeps_alive:
            self.hang_up()
        return True

    def hang_up(self) -> None:
        if self._sock:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None


def request_for(script: Script | None) -> bytes:
    """A chat of about 1 KB, its last message with the marker that steers the upstream."""
    marker = script.marker() if script else ""
    chat = {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Answer in plain words and keep to what was asked. " * 8},
            {"role": "user", "content": "Which animals stand for being clever in old stories? " * 4},
            {"role": "assistant", "content": "The fox, the raven and the owl, most of the time. " * 3},
            {"role": "user", "content": f"Then tell me one about the fox. {marker}"},
        ],
        "temperature": 0.7,
        "max_tokens": 300,
        "stream": script is not None,
    }
    body = json.dumps(chat).encode()
    head = (
        f"POST {CHAT_PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Accept: */*\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class AnswerReader:
    """Reads one HTTP/1.1 answer from bytes as they come: the head, then the body in any of its three framings."""

    def __init__(self) -> None:
        self.is_whole = False
        self.keeps_alive = True
        self._in_body = False
        self._chunked = False
        self._left: int | None = None  # of a body with a Content-Length
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body among those that came."""
        if self._in_body:
            return self._dechunk(data) if self._chunked else self._count(data)
        self._rest += data
        head, separator, start = bytes(self._rest).partition(b"\r\n\r\n")
        if not separator:
            return b""
        self._rest.clear()
        self._read_head(head.lower())
        return self.feed(start)

    def feed_end(self) -> bytes:
        """The connection has ended, which is right only for a body without any other end."""
        if not self._in_body or self._chunked or self._left is not None:
            raise BrokenAnswer("cut" if self._in_body else "no answer")
        self.is_whole = True
        self.keeps_alive = False
        return b""

    def _read_head(self, head: bytes) -> None:
        if head[9:12] != b"200":
            raise BrokenAnswer(f"status {head[9:12].decode('latin-1')}")
        length = CONTENT_LENGTH.search(head)
        self._left = int(length[1]) if length else None
        self._chunked = b"\r\ntransfer-encoding: chunked" in head
        self.keeps_alive = b"\r\nconnection: close" not in head
        self._in_body = True

    def _count(self, data: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise BrokenAnswer("bytes after the end")
            self.is_whole = self._left == 0
        return data

    def _dechunk(self, data: bytes) -> bytes:
        self._rest += data
        body = b""
        while not self.is_whole:
            line, separator, _ = self._rest.partition(b"\r\n")
            if separator and not CHUNK_SIZE.fullmatch(line):
                raise BrokenAnswer("broken chunk")
            begin = len(line) + len(separator)
            end = begin + int(line, 16) if separator else 0
            if not separator or len(self._rest) < end + 2:
                return body
            if self._rest[end : end + 2] != b"\r\n":
                raise BrokenAnswer("broken chunk")
            body += self._rest[begin:end]
            del self._rest[: end + 2]
            self.is_whole = begin == end
        if self._rest:
            raise BrokenAnswer("bytes after the end")
        return body


class TextCheck:
    """A whole answer must be the upstream's text."""

    def __init__(self) -> None:
        self._body = b""

    def feed(self, data: bytes, _now: int) -> None:
        self._body += data

    def finish(self) -> None:
        try:
            text = json.loads(self._body)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise BrokenAnswer("no chat completion") from error
        if text != ANSWER_TEXT:
            raise BrokenAnswer("another text")


class EventCheck:
    """A stream must bring every event, a finish reason and `[DONE]`, in this order. Stamps become delays."""

    def __init__(self, exchange: Exchange, script: Script) -> None:
        self._exchange = exchange
        self._script = script
        self._rest = b""
        self._is_finished = False
        self._is_done = False

    def feed(self, data: bytes, now: int) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._read(line[5:].strip(), now)

    def finish(self) -> None:
        if len(self._exchange.delays) != self._script.events:
            raise BrokenAnswer(f"{len(self._exchange.delays)} of {self._script.events} events")
        if not self._is_finished or not self._is_done:
            raise BrokenAnswer("no [DONE]" if self._is_finished else "no finish reason")

    def _read(self, data: bytes, now: int) -> None:
        if self._is_done:
            raise BrokenAnswer("event after [DONE]")
        if data == b"[DONE]":
            self._is_done = True
            return
        try:
            choices = json.loads(data)["choices"]
            for choice in choices:
                self._is_finished |= choice.get("finish_reason") == "stop"
                stamp = STAMP.match(choice["delta"].get("content") or "")
                if stamp:
                    self._exchange.first_event = self._exchange.first_event or now
                    self._exchange.delays.append(now - int(stamp[1]))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BrokenAnswer("no chat completion chunk") from error
