"""A mock OpenAI upstream: one process, one event loop, steered from inside the prompt.

    python tests/load/upstream.py --port 9000

`POST /v1/chat/completions` is answered with a whole answer of about 1.5 KB or, with `"stream": true`, with
`chat.completion.chunk` events. A marker in the last user message says how, so that it passes through any proxy:

    [[events=20 gap_ms=20 framing=chunked cut=0]]

Every event's content holds the reading of the monotonic clock, in nanoseconds, at which it was sent.
"""

import argparse
import dataclasses
import functools
import gc
import heapq
import itertools
import json
import re
import selectors
import socket
import time
from typing import Any, NoReturn, Self

HOST = "127.0.0.1"
CHAT_PATH = "/v1/chat/completions"
ANSWER_TEXT = "The quick brown fox jumps over the lazy dog. " * 27

FRAMINGS = {
    "chunked": b"Transfer-Encoding: chunked\r\n",
    "length": b"Content-Length: %d\r\n",
    "close": b"Connection: close\r\n",
}
MARKER = re.compile(r"\[\[(.*?)\]\]")
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CONNECTION_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Script:
    """How a stream is played: how many events, how far apart, and how the body is framed.

    `cut` ends the connection after so many events, before the answer is whole; 0 means never.
    """

    events: int = 20
    gap_ms: int = 20
    framing: str = "chunked"
    cut: int = 0

    @classmethod
    @functools.lru_cache
    def parse(cls, text: str) -> Self:
        """The script of the marker in a text, or the default one. Raises ValueError or TypeError if it is nonsense."""
        marker = MARKER.search(text)
        wishes = dict(wish.split("=", 1) for wish in marker[1].split()) if marker else {}
        framing = wishes.pop("framing", "chunked")
        script = cls(framing=framing, **{name: int(value) for name, value in wishes.items()})
        if framing not in FRAMINGS or script.gap_ms < 0 or not 0 <= script.cut <= script.events or not script.events:
            raise ValueError(f"{script} cannot be played")
        return script

    def marker(self) -> str:
        """What a prompt must contain for this script to be played."""
        return f"[[events={self.events} gap_ms={self.gap_ms} framing={self.framing} cut={self.cut}]]"


class Stream:
    """One streamed answer, handed out piece by piece; the first piece brings the head, the last one the ending."""

    def __init__(self, script: Script, with_usage: bool) -> None:
        self.script = script
        self._sent = 0
        self._ending = FINISH + (USAGE if with_usage else b"") + DONE

    @property
    def is_over(self) -> bool:
        return self._sent == (self.script.cut or self.script.events)

    @property
    def ends_connection(self) -> bool:
        return self.script.framing == "close" or bool(self.script.cut)

    def next_piece(self) -> bytes:
        self._sent += 1
        piece = self._frame(event(self._sent, time.monotonic_ns()))
        if self._sent == 1:
            piece = self._head() + piece
        if self._sent == self.script.events:
            piece += self._frame(self._ending)
            if self.script.framing == "chunked":
                piece += b"0\r\n\r\n"
        return piece

    def _head(self) -> bytes:
        framing = FRAMINGS[self.script.framing]
        if self.script.framing == "length":
            size = sum(len(event(number, 0)) for number in range(1, self.script.events + 1)) + len(self._ending)
            framing %= size
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + framing + b"\r\n"

    def _frame(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.script.framing == "chunked" else data


def event(number: int, sent_ns: int) -> bytes:
    """The numbered content event of a stream. All digits of the stamp are written, so that its length is known."""
    role = b'"role":"assistant",' if number == 1 else b""
    return EVENT % (b'{"index":0,"delta":{%b"content":"@%020d@ "},"finish_reason":null}' % (role, sent_ns))


EVENT = (
    b'data: {"id":"chatcmpl-load","object":"chat.completion.chunk","created":1700000000,"model":"mock",'
    b'"choices":[%b]}\n\n'
)
FINISH = EVENT % b'{"index":0,"delta":{},"finish_reason":"stop"}'
USAGE = (EVENT % b"").replace(b"[]}", b'[],"usage":{"prompt_tokens":250,"completion_tokens":20,"total_tokens":270}}')
DONE = b"data: [DONE]\n\n"


def json_answer(status: str, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


ALIVE = json_answer("200 OK", {"status": "ok"})
LENGTH_REQUIRED = json_answer("411 Length Required", {"error": {"message": "chunked requests are not understood"}})
NOT_FOUND = json_answer("404 Not Found", {"error": {"message": f"only POST {CHAT_PATH} is served"}})
WHOLE_ANSWER = json_answer(
    "200 OK",
    {
        "id": "chatcmpl-load",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "mock",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER_TEXT},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 250, "completion_tokens": 270, "total_tokens": 520},
    },
)


def answer(method: str, path: str, body: bytes) -> bytes | Stream:
    """What a request gets: bytes at once, or a stream to be played."""
    if method == "GET":
        return ALIVE
    if (method, path) != ("POST", CHAT_PATH):
        return NOT_FOUND
    try:
        chat = json.loads(body)
        script = Script.parse(last_user_text(chat["messages"]))
    except (ValueError, LookupError, TypeError) as error:
        return json_answer("400 Bad Request", {"error": {"message": repr(error)}})
    if not chat.get("stream"):
        return WHOLE_ANSWER
    return Stream(script, with_usage=bool((chat.get("stream_options") or {}).get("include_usage")))


def last_user_text(messages: list[dict[str, Any]]) -> str:
    content = [message["content"] for message in messages if message["role"] == "user"][-1]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Connection:
    """One accepted connection, what it has sent us, what it has still to get, and the stream it is listening to."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.stream: Stream | None = None
        self.interest = selectors.EVENT_READ
        self.closes_when_sent = False
        self.is_closed = False


class Upstream:
    """The event loop: accepts, reads requests, answers them, and plays every stream at its own pace."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._due: list[tuple[float, int, Connection]] = []
        self._ticket = itertools.count()

    def serve(self) -> NoReturn:
        while True:
            pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for key, ready in self._selector.select(pause):
                if key.data is None:
                    self._accept()
                elif ready & selectors.EVENT_WRITE:
                    self._send(key.data, b"")
                else:
                    self._receive(key.data)
            while self._due and self._due[0][0] <= time.monotonic():
                due, _, connection = heapq.heappop(self._due)
                self._play(connection, due)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, Connection(sock))

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.incoming += data
        self._answer_requests(connection)

    def _answer_requests(self, connection: Connection) -> None:
        while connection.stream is None and not connection.is_closed:
            head, separator, rest = connection.incoming.partition(b"\r\n\r\n")
            length = CONTENT_LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not separator or len(rest) < size:
                return
            connection.incoming = rest[size:]
            method, path, _ = head.decode("latin-1").split(" ", 2)
            is_readable = method == "GET" or length is not None
            connection.closes_when_sent = not is_readable or bool(CONNECTION_CLOSE.search(head))
            reply = answer(method, path, bytes(rest[:size])) if is_readable else LENGTH_REQUIRED
            if isinstance(reply, bytes):
                self._send(connection, reply)
            else:
                connection.stream = reply
                self._play(connection, time.monotonic())

    def _play(self, connection: Connection, due: float) -> None:
        """Sends the next piece of a stream and books the one after it, late pieces without a burst to catch up."""
        stream = connection.stream
        if stream is None or connection.is_closed:
            return
        piece = stream.next_piece()
        if not stream.is_over:
            self._send(connection, piece)
            next_due = max(due + stream.script.gap_ms / 1000, time.monotonic())
            heapq.heappush(self._due, (next_due, next(self._ticket), connection))
            return
        connection.stream = None
        connection.closes_when_sent |= stream.ends_connection
        self._send(connection, piece)
        self._answer_requests(connection)

    def _send(self, connection: Connection, data: bytes) -> None:
        connection.outgoing += data
        try:
            sent = connection.sock.send(connection.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        del connection.outgoing[:sent]
        if connection.closes_when_sent and connection.stream is None and not connection.outgoing:
            self._close(connection)
            return
        interest = selectors.EVENT_WRITE if connection.outgoing else selectors.EVENT_READ
        if interest != connection.interest:
            connection.interest = interest
            self._selector.modify(connection.sock, interest, connection)

    def _close(self, connection: Connection) -> None:
        if not connection.is_closed:
            connection.is_closed = True
            self._selector.unregister(connection.sock)
            connection.sock.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A mock OpenAI upstream.")
    parser.add_argument("--port", type=int, default=0, help="default: any free one, which is printed")
    options = parser.parse_args()
    gc.disable()  # a collection would delay whatever is due; nothing here makes cycles
    with socket.create_server((HOST, options.port), backlog=4096) as listener:
        listener.setblocking(False)
        print(f"listening on http://{HOST}:{listener.getsockname()[1]}", flush=True)
        Upstream(listener).serve()


if __name__ == "__main__":
    main()
