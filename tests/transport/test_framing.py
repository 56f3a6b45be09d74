"""Heads and the borders of bodies. Real sockets throughout."""

import pytest

from .conftest import (
    CHUNKED,
    CLOSE,
    LAST,
    OK,
    READ,
    WAIT_SECS,
    answered,
    chunk,
    failure,
    head,
    sized,
)


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
