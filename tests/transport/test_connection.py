"""Heads, reuse and what is known of a connection. Real sockets throughout."""

import socket
import threading

import pytest

from llmproxy.core.errors import ClientGone, LLMProxyError, ProviderError, ProviderTimeout, ProviderUnreachable
from llmproxy.transport import connection
from llmproxy.transport.lease import Lease, current_lease, leased

from .conftest import (
    CHUNKED,
    CLOSE,
    LAST,
    OK,
    READ,
    RESET,
    UNFRAMED,
    WAIT_SECS,
    Upstream,
    attempted,
    chunk,
    head,
    sized,
)

LIMIT = 1024 * 1024


def failure(send, upstream, **keys):
    with pytest.raises(ProviderError) as caught:
        send(upstream, **keys)
    return caught.value


def answered(send, upstream, **keys):
    reply = send(upstream, **keys)
    body = reply.body(LIMIT)
    reply.close()
    return body


# Heads.


@pytest.mark.parametrize(
    "answer",
    [
        head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\nok\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked", "Content-Length: 2") + b"ok",
        head("Content-Length: -1") + b"ok",
        head("Content-Length: 2", "Content-Length: 3") + b"ok",
        head("Content-Length: 2", "Content-Length: 2") + b"ok",
        head("Content-Length: 2, 2") + b"ok",
        head("Content-Length: 2x") + b"ok",
        head("Content-Length: +2") + b"ok",
        head("Content-Length: 1_0") + b"ok",
        head("Content-Length: \xb2") + b"ok",
        head("Content-Length:") + b"ok",
        head("Transfer-Encoding: gzip") + b"ok",
        head("Transfer-Encoding: gzip, chunked") + chunk(b"ok") + LAST,
        head("Transfer-Encoding: chunked, chunked") + chunk(b"ok") + LAST,
    ],
    ids=lambda answer: answer[17:60],
)
def test_an_answer_of_contradictory_framing_is_refused(serve, send, answer):
    upstream = serve([READ, answer], [READ, OK])
    assert failure(send, upstream).code == "upstream_bad_response"
    assert upstream.left.wait(WAIT_SECS)
    assert answered(send, upstream) == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"HELLO\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"\r\n\r\n",
        b"x" * 100_000,
        head("no colon here"),
        head(": no name"),
        head("X-Folded: a", " b"),
        head("X Space: a"),
        head("X-Long: " + "a" * 70_000),
        head(*[f"X-{number}: a" for number in range(150)]),
    ],
    ids=lambda answer: answer[:30],
)
def test_a_head_that_is_malformed_is_a_bad_response(serve, send, answer):
    error = failure(send, serve([READ, answer, CLOSE]))
    assert (error.code, error.status, error.settlement) == ("upstream_bad_response", 502, "unknown")


@pytest.mark.parametrize("length", range(1, len(OK) - 2, 4))
def test_a_head_that_was_cut_is_no_answer(serve, send, length):
    assert failure(send, serve([READ, OK[:length], CLOSE])).code in ("upstream_bad_response", "upstream_reset")


@pytest.mark.parametrize("line", ["103 Early Hints", "102 Processing", "101 Switching Protocols", "199 x"])
def test_an_early_status_is_not_taken_for_the_answer(serve, send, line):
    upstream = serve([READ, head("Link: x", status=line), OK], [READ, OK])
    assert failure(send, upstream).code == "upstream_bad_response"
    assert upstream.left.wait(WAIT_SECS)
    assert answered(send, upstream) == b"ok"
    assert upstream.connections == 2


def test_a_status_of_100_is_read_past(serve, send):
    upstream = serve([READ, head(status="100 Continue") * 3, OK])
    assert answered(send, upstream) == b"ok"


@pytest.mark.parametrize("answer", [OK, CHUNKED + chunk(b"ok") + LAST, head("content-length:2") + b"ok"])
def test_a_head_may_come_byte_by_byte(serve, send, answer):
    assert answered(send, serve([READ, *[answer[at : at + 1] for at in range(len(answer))]])) == b"ok"


@pytest.mark.parametrize("status", [200, 201, 204, 304, 301, 400, 404, 429, 500, 503, 529, 599, 999])
def test_every_final_status_is_handed_on(serve, send, status):
    assert send(serve([READ, sized(b"", status=f"{status} x")])).status == status


def test_a_status_may_have_no_phrase(serve, send):
    assert send(serve([READ, b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"])).status == 200


# What was sent.


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


# Reuse.


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


# Cancellation from another thread.


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
