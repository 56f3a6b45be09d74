"""Which connections are used again. Real sockets throughout."""

import socket
import threading

import pytest

from llmproxy.transport import connection

from .conftest import (
    CHUNKED,
    CLOSE,
    LAST,
    LIMIT,
    OK,
    READ,
    UNFRAMED,
    WAIT_SECS,
    answered,
    chunk,
    head,
    sized,
)


@pytest.mark.parametrize(
    "answer",
    [OK, CHUNKED + chunk(b"ok") + LAST, sized(b"", status="204 x"), sized(b"no", status="404 x"),
     CHUNKED + chunk(b"ok") + b"0\r\nX-Trailer: a\r\n\r\n"],
    ids=["length", "chunked", "no content", "error", "trailers"],
)  # fmt: skip
def test_a_connection_is_used_again_after_a_clean_answer(serve, send, answer):
    upstream = serve([READ, answer, READ, OK])
    answered(send, upstream)
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 1


def test_a_connection_is_used_again_after_a_stream_was_read_to_its_end(serve, send):
    upstream = serve([READ, CHUNKED, chunk(b"data: 1\n\n"), LAST, READ, OK])
    reply = send(upstream)
    assert b"".join(reply.chunks()) == b"data: 1\n\n"
    reply.close()
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 1


@pytest.mark.parametrize(
    "steps",
    [
        [OK + b"x"],
        [OK + OK],
        [CHUNKED + chunk(b"ok") + LAST + b"x"],
        [CHUNKED + chunk(b"ok") + LAST + OK],
        [sized(b"", status="204 x") + b"x"],
        [sized(b"x" * 100_000) + b"x"],
        [head("Content-Length: 2", "Connection: close") + b"ok"],
        [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
        [UNFRAMED, b"ok", CLOSE],
    ],
    ids=["extra byte", "extra answer", "extra byte after chunks", "extra answer after chunks", "body of a 204",
         "extra byte after a long body", "connection: close", "http 1.0", "unframed"],
)  # fmt: skip
def test_a_connection_is_not_used_again_after_anything_else(serve, send, steps):
    sent = threading.Event()
    upstream = serve([READ, *steps[:1], sent.set, *steps[1:]], [READ, OK])
    reply = send(upstream)
    assert sent.wait(WAIT_SECS)
    reply.body(LIMIT)
    reply.close()
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


def test_bytes_that_come_after_the_answer_are_nobodys_answer(serve, send):
    late, sent = threading.Event(), threading.Event()
    upstream = serve([READ, OK, late, sized(b"poison"), sent.set], [READ, OK])
    answered(send, upstream)
    late.set()
    assert sent.wait(WAIT_SECS)
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


def test_a_connection_the_upstream_has_closed_is_replaced(serve, send):
    gone = threading.Event()
    upstream = serve([READ, OK, CLOSE], [READ, OK])
    upstream._serve = _then(upstream._serve, gone.set)
    answered(send, upstream)
    assert gone.wait(WAIT_SECS)
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


def _then(function, after):
    def both(*args):
        function(*args)
        after()

    return both


@pytest.mark.parametrize("limit", ["MAX_IDLE_SECS", "MAX_AGE_SECS"])
def test_a_connection_that_is_idle_or_old_is_replaced(serve, send, monkeypatch, limit):
    upstream = serve([READ, OK])
    answered(send, upstream)
    monkeypatch.setattr(connection, limit, -1.0)
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


def test_a_connection_within_its_limits_is_kept(serve, send, monkeypatch):
    upstream = serve([READ, OK, READ, OK])
    answered(send, upstream)
    monkeypatch.setattr(connection, "MAX_IDLE_SECS", 10.0)
    monkeypatch.setattr(connection, "MAX_AGE_SECS", 10.0)
    answered(send, upstream)
    assert upstream.connections == 1


def test_connections_need_not_be_used_again(serve, send, client):
    upstream, once = serve([READ, OK]), client(reuse=False)
    answered(send, upstream, through=once)
    assert upstream.left.wait(WAIT_SECS)
    answered(send, upstream, through=once)
    assert upstream.connections == 2


@pytest.fixture
def names(monkeypatch):
    """What `up.example` resolves to: the port of a listener here, which may change."""
    listeners = {}

    def resolve(host, *_, **__):
        assert host == "up.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", listeners["up.example"].port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return listeners


def named(send, listener, **keys):
    """The body of the answer to a request by name; which listener it comes from is the resolver's to say."""
    return answered(send, listener, url="http://up.example/v1/x", **keys)


@pytest.mark.parametrize("limit", ["MAX_IDLE_SECS", "MAX_AGE_SECS"])
def test_A3_a_host_is_looked_up_again_when_its_connection_has_had_its_time(serve, send, names, monkeypatch, limit):
    before, after = serve([READ, sized(b"before")]), serve([READ, sized(b"after")])
    names["up.example"] = before
    assert named(send, before) == b"before"
    names["up.example"] = after
    monkeypatch.setattr(connection, limit, -1.0)
    assert named(send, after) == b"after"
    assert (before.connections, after.connections) == (1, 1)


def test_A3_until_then_its_connection_is_used_and_another_one_is_new(serve, send, names, client):
    before, after = serve([READ, sized(b"before"), READ, sized(b"before")]), serve([READ, sized(b"after")])
    names["up.example"] = before
    named(send, before)
    names["up.example"] = after
    assert named(send, before) == b"before"
    assert named(send, after, token_id="another") == b"after"


def test_A3_a_stream_that_goes_on_is_not_cut(serve, send, names):
    rest = threading.Event()
    before = serve([READ, CHUNKED, chunk(b"data: 1\n\n"), rest, chunk(b"data: 2\n\n"), LAST])
    after = serve([READ, sized(b"after")])
    names["up.example"] = before
    reply = send(before, url="http://up.example/v1/x")
    names["up.example"] = after
    assert named(send, after) == b"after"
    rest.set()
    assert b"".join(reply.chunks()) == b"data: 1\n\ndata: 2\n\n"


def test_the_times_that_connections_have_are_those_that_are_promised():
    assert (connection.MAX_IDLE_SECS, connection.MAX_AGE_SECS) == (30, 300)
