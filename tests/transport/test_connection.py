"""What is known of a connection: whether anything was sent, and how long it waits. Real sockets throughout."""

import socket

import pytest

from llmproxy.core.errors import ProviderTimeout, ProviderUnreachable

from .conftest import (
    CLOSE,
    OK,
    READ,
    RESET,
    WAIT_SECS,
    Upstream,
    answered,
    attempted,
    failure,
)


def test_nothing_was_sent_where_the_connection_was_refused(serve, send):
    upstream = serve([])
    upstream.close()
    context = attempted()
    error = failure(send, upstream, context=context)
    assert isinstance(error, ProviderUnreachable)
    assert (error.code, error.should_retry, error.settlement) == ("upstream_unavailable", True, "void")
    assert not context.attempts[0].sent


def test_a_host_without_an_address_was_not_reached(send):
    context = attempted()
    error = failure(send, None, url="http://nobody.invalid/v1/x", context=context)
    assert (error.code, context.attempts[0].sent) == ("upstream_unavailable", False)


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_closed_before_a_byte_was_sent_to(serve, send, end):
    context = attempted()
    error = failure(send, serve([READ, end]), context=context)
    assert isinstance(error, ProviderUnreachable)
    assert (error.code, error.should_retry, error.settlement) == ("upstream_reset", False, "unknown")
    assert context.attempts[0].sent


def test_an_answer_says_that_the_request_was_sent(serve, send):
    context = attempted()
    send(serve([READ, OK]), context=context)
    assert context.attempts[0].sent


def test_a_connection_that_is_not_accepted_times_out(client, send):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        context = attempted()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/x"
        error = failure(send, None, url=url, context=context, through=client(connect_secs=0.1))
        for filler in fillers:
            filler.close()
    assert isinstance(error, ProviderTimeout)
    assert (error.code, error.status, error.should_retry) == ("upstream_timeout", 504, True)
    assert not context.attempts[0].sent


def test_an_upstream_that_thinks_for_too_long_is_left(serve, send, client):
    upstream, context = serve([READ]), attempted()
    error = failure(send, upstream, context=context, through=client(first_event_secs=0.1))
    assert (error.code, error.status, error.should_retry) == ("upstream_timeout", 504, False)
    assert context.attempts[0].sent
    assert upstream.left.wait(WAIT_SECS)


def test_head_and_body_leave_in_one_piece(serve, send):
    first = []

    class Watched(Upstream):
        def _take(self, peer, step):
            if step == READ:
                first.append(peer.recv(65536))
                return True
            return super()._take(peer, step)

    upstream = Watched([[READ, OK]])
    answered(send, upstream, body=b'{"a":1}')
    upstream.close()
    assert first[0].endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 5_000_000])
def test_a_body_is_sent_whole(serve, send, size):
    upstream, body = serve([READ, OK]), b"x" * size
    answered(send, upstream, body=body)
    assert upstream.requests[0].partition(b"\r\n\r\n")[2] == body
