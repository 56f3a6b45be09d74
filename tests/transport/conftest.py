"""A real upstream on a raw socket, which does what its script says, byte for byte."""

import contextlib
import socket
import struct
import threading

import pytest

from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import ProviderError
from llmproxy.transport.sessions import ClientProvider, TransportSettings, prepare

WAIT_SECS = 5
READ = "read one request"
CLOSE = "close the connection"
RESET = "reset the connection"


class Upstream:
    """Serves each connection with the next script; the last one serves all that follow.

    A script is a list of steps: `READ`, bytes to send, events to wait for, functions to call, `CLOSE` or `RESET`. A
    script that ends leaves the connection open and waits until the other side closes it. An event that is never set
    closes the connection, so that a test that waits for what follows fails.

    Attributes:
        requests: What was read, one item for each `READ`.
        connections: How many were accepted.
        asked: Set when a request was read.
        left: Set when a connection was closed by the other side.
    """

    def __init__(self, scripts, wrap=lambda connection: connection):
        self.scripts = scripts
        self.requests = []
        self.connections = 0
        self.asked = threading.Event()
        self.left = threading.Event()
        self._wrap = wrap
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, script), daemon=True).start()

    def _serve(self, connection, script):
        try:
            connection.settimeout(WAIT_SECS)
            connection = self._wrap(connection)
            self._open.append(connection)
            if all(self._take(connection, step) for step in script):
                while connection.recv(65536):
                    pass
                self.left.set()
        except OSError:
            self.left.set()
        finally:
            connection.close()

    def _take(self, connection, step):
        if step == READ:
            self.requests.append(read_request(connection))
            self.asked.set()
        elif isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, threading.Event):
            return step.wait(WAIT_SECS)
        elif step == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif step == CLOSE:
            return False
        else:
            step()
        return True


def read_request(connection):
    """One request with its body, by its Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("left before a whole head")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    pieces = [body]
    missing = length - len(body)
    while missing > 0:
        pieces.append(connection.recv(1 << 20))
        missing -= len(pieces[-1])
    return head + b"\r\n\r\n" + b"".join(pieces)


@pytest.fixture
def serve():
    """Starts an upstream with a script for each connection."""
    running = []

    def start(*scripts, **keys):
        running.append(Upstream(scripts, **keys))
        return running[-1]

    yield start
    for upstream in running:
        upstream.close()


@pytest.fixture
def client():
    """Makes the sessions of an llm; its waits are short enough for a test to fail by."""
    made = []

    def make(**settings):
        waits = {"connect_secs": WAIT_SECS, "first_event_secs": WAIT_SECS, "idle_secs": WAIT_SECS}
        made.append(ClientProvider(TransportSettings(**{**waits, **settings})))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def send(client):
    """Sends one request to an upstream; all of a test's go through the same sessions. Replies are closed at its end."""
    provider = client()
    replies = []

    def request(upstream, context=None, body=b"{}", token_id="", headers=(), url=None, through=None):
        prepared = prepare("POST", url or f"{upstream.url}/x", dict(headers), body)
        prepared.token_id = token_id
        replies.append((through or provider).send(prepared, context or attempted()))
        return replies[-1]

    yield request
    for reply in replies:
        reply.close()


def attempted():
    """The context of a request with one attempt, which learns whether anything was sent."""
    return RequestContext(attempts=[Attempt("l", "m")])


def head(*lines, status="200 OK"):
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def sized(body, *lines, status="200 OK"):
    """A whole answer with its length."""
    return head(f"Content-Length: {len(body)}", *lines, status=status) + body


def chunk(data):
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = head("Transfer-Encoding: chunked")
LAST = b"0\r\n\r\n"
UNFRAMED = head("Connection: close")
OK = sized(b"ok")


LIMIT = 1024 * 1024


def failure(send, upstream, **keys):
    """The error that a request ends with."""
    with pytest.raises(ProviderError) as caught:
        send(upstream, **keys)
    return caught.value


def answered(send, upstream, **keys):
    """The whole body that a request is answered with."""
    reply = send(upstream, **keys)
    body = reply.body(LIMIT)
    reply.close()
    return body
