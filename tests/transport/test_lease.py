"""Cancellation from another thread, and whom it must not touch. Real sockets throughout."""

import socket
import threading

import pytest

from llmproxy.core.errors import ClientGone, LLMProxyError
from llmproxy.transport.lease import Lease, current_lease, leased

from .conftest import (
    CHUNKED,
    CLOSE,
    LIMIT,
    OK,
    READ,
    UNFRAMED,
    WAIT_SECS,
    answered,
    attempted,
    chunk,
    failure,
    head,
)


def cancelled(work, upstream, context, when):
    """What `work` raises when the request is cancelled as soon as `when` is set."""
    failures = []

    def run():
        try:
            work()
        except LLMProxyError as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert when.wait(WAIT_SECS)
    context.cancellation.cancel(ClientGone())
    thread.join(WAIT_SECS)
    assert not thread.is_alive()
    assert upstream.left.wait(WAIT_SECS)
    return failures


def test_a_cancellation_wakes_who_waits_for_a_head(serve, send):
    upstream, context = serve([READ]), attempted()
    failures = cancelled(lambda: send(upstream, context=context), upstream, context, upstream.asked)
    assert failures == [context.cancellation.reason]


@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\nX-", head(status="100 Continue"), b"HTT"])
def test_a_cancellation_wakes_who_waits_within_a_head(serve, send, part):
    sent = threading.Event()
    upstream, context = serve([READ, part, sent.set]), attempted()
    failures = cancelled(lambda: send(upstream, context=context), upstream, context, sent)
    assert failures == [context.cancellation.reason]


@pytest.mark.parametrize(
    "start",
    [CHUNKED, CHUNKED + chunk(b"a"), head("Content-Length: 9") + b"a", UNFRAMED + b"a", head("Connection: close",
     "Content-Length: 9") + b"a"],
    ids=["chunked", "chunked midway", "length", "close", "length and close"],
)  # fmt: skip
@pytest.mark.parametrize(
    "read", [lambda reply: list(reply.chunks()), lambda reply: reply.body(LIMIT)], ids=["stream", "whole"]
)
def test_a_cancellation_wakes_who_waits_in_a_silent_body(serve, send, start, read):
    sent = threading.Event()
    upstream, context = serve([READ, start, sent.set]), attempted()
    reply = send(upstream, context=context)
    failures = cancelled(lambda: read(reply), upstream, context, sent)
    assert failures == [context.cancellation.reason]


def test_a_request_cancelled_before_it_is_sent_ends_with_the_reason(serve, send):
    context = attempted()
    context.cancellation.cancel(ClientGone())
    with pytest.raises(ClientGone):
        send(serve([READ, OK]), context=context)


@pytest.mark.parametrize("close", [True, False])
def test_a_cancellation_does_not_touch_a_connection_that_went_back(serve, send, close):
    upstream, context = serve([READ, OK, READ, OK]), attempted()
    reply = send(upstream, context=context)
    reply.body(LIMIT)
    if close:
        reply.close()
    context.cancellation.cancel(ClientGone())
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 1


def test_a_cancellation_does_not_touch_the_next_request_on_the_connection(serve, send):
    gate = threading.Event()
    upstream, first = serve([READ, OK, READ, gate, OK]), attempted()
    send(upstream, context=first).body(LIMIT)
    upstream.asked.clear()
    bodies = []
    thread = threading.Thread(target=lambda: bodies.append(answered(send, upstream)), daemon=True)
    thread.start()
    assert upstream.asked.wait(WAIT_SECS)
    first.cancellation.cancel(ClientGone())
    gate.set()
    thread.join(WAIT_SECS)
    assert (bodies, upstream.connections) == ([b"ok"], 1)


def test_nobody_is_called_after_a_reply_was_closed(serve, send):
    context = attempted()
    send(serve([READ, OK]), context=context).close()
    assert context.cancellation._callbacks == []


@pytest.mark.parametrize("steps", [[READ, CLOSE], [READ, b"HELLO\r\n\r\n"]])
def test_nobody_is_called_after_an_attempt_failed(serve, send, steps):
    context = attempted()
    failure(send, serve(steps), context=context)
    assert context.cancellation._callbacks == []


def test_a_lease_that_was_shut_down_shuts_whatever_it_is_given():
    one, other = socket.socketpair()
    lease = Lease()
    lease.shut_down()
    lease.hold(one)
    with one, other:
        assert other.recv(1) == b""


def test_a_lease_that_has_ended_shuts_nothing_down():
    one, other = socket.socketpair()
    lease = Lease()
    lease.hold(one)
    lease.end()
    lease.shut_down()
    with one, other:
        one.sendall(b"x")
        assert other.recv(1) == b"x"


def test_a_lease_may_be_shut_down_when_its_socket_is_gone():
    one, other = socket.socketpair()
    lease = Lease()
    lease.hold(one)
    one.close()
    other.close()
    assert lease.shut_down() is None


def test_a_thread_is_free_of_its_lease_after_the_block():
    lease = Lease()
    with pytest.raises(KeyError), leased(lease):
        raise KeyError
    assert current_lease() is None
