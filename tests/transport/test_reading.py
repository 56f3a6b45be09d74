"""What comes from a socket, when, and what is made of a body that is not whole. Real sockets throughout."""

import threading

import pytest

from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.transport import reading

from .conftest import CHUNKED, CLOSE, LAST, OK, READ, RESET, UNFRAMED, WAIT_SECS, chunk, head, sized

ONE, TWO = b"data: 1\n\n", b"data: 2\n\n"
LIMIT = 64 * 1024 * 1024


def pieces_until_failure(reply):
    pieces = []
    try:
        pieces.extend(iter(reply.chunks().__next__, None))
    except LLMProxyError as error:
        return b"".join(pieces), error.code
    raise AssertionError("the body ended well")


# Arrival: what stands after the gate is sent when what stands before it was handed on, and not sooner.


def gated(serve, before, after, end=()):
    gate = threading.Event()
    return serve([READ, before, gate, after, *end]), gate


@pytest.mark.parametrize(
    ("before", "after", "end"),
    [
        (CHUNKED + chunk(ONE), chunk(TWO) + LAST, []),
        (head(f"Content-Length: {len(ONE + TWO)}") + ONE, TWO, []),
        (UNFRAMED + ONE, TWO, [CLOSE]),
        (b"HTTP/1.0 200 OK\r\n\r\n" + ONE, TWO, [CLOSE]),
        (CHUNKED + chunk(ONE)[:-2], b"\r\n" + chunk(TWO) + LAST, []),
        (CHUNKED + chunk(ONE)[:-1], b"\n" + chunk(TWO) + LAST, []),
        (CHUNKED + chunk(ONE) + b"9", b"\r\n" + TWO + b"\r\n" + LAST, []),
        (CHUNKED + chunk(ONE) + b"9\r", b"\n" + TWO + b"\r\n" + LAST, []),
        (CHUNKED + chunk(ONE) + b"9\r\n", TWO + b"\r\n" + LAST, []),
        (CHUNKED + chunk(ONE) + b"0009;x=y\r\n", TWO + b"\r\n" + LAST, []),
        (CHUNKED + chunk(ONE) + b"0", b"9\r\n" + TWO + b"\r\n" + LAST, []),
    ],
    ids=["chunked", "length", "close", "http 1.0", "late crlf", "late lf", "half a size", "size without lf",
         "size without data", "size with an extension", "size that looks like the last"],
)  # fmt: skip
def test_an_event_is_handed_on_before_the_next_is_sent(serve, send, before, after, end):
    upstream, gate = gated(serve, before, after, end)
    chunks = send(upstream).chunks()
    assert next(chunks) == ONE
    gate.set()
    assert b"".join(chunks) == TWO


def test_half_an_event_is_handed_on_too(serve, send):
    upstream, gate = gated(serve, CHUNKED + b"9\r\ndata", b": 1\n\n\r\n" + LAST)
    chunks = send(upstream).chunks()
    assert next(chunks) == b"data"
    gate.set()
    assert b"".join(chunks) == b": 1\n\n"


def test_a_head_is_handed_on_before_the_body(serve, send):
    upstream, gate = gated(serve, CHUNKED, chunk(ONE) + LAST)
    reply = send(upstream)
    assert reply.status == 200
    gate.set()
    assert b"".join(reply.chunks()) == ONE


def test_events_one_by_one_are_never_one_late(serve, send):
    gates = [threading.Event() for _ in range(20)]
    events = [b"data: %d\n\n" % number for number in range(20)]
    steps = [step for gate, event in zip(gates, events, strict=True) for step in (gate, chunk(event))]
    chunks = send(serve([READ, CHUNKED, *steps, LAST])).chunks()
    for gate, event in zip(gates, events, strict=True):
        gate.set()
        assert next(chunks) == event


def burst(serve, send, framing, events, after=b""):
    """The pieces of a burst that has arrived as a whole before it is read."""
    sent = threading.Event()
    gate = threading.Event()
    upstream = serve([READ, framing, gate, b"".join(events), sent.set, after])
    reply = send(upstream)
    gate.set()
    assert sent.wait(WAIT_SECS)
    return reply.chunks()


def test_a_burst_of_chunks_is_joined(serve, send):
    events = [chunk(b"data: %d\n\n" % number) for number in range(500)]
    pieces = list(burst(serve, send, CHUNKED, [*events, LAST]))
    assert b"".join(pieces) == b"".join(b"data: %d\n\n" % number for number in range(500))
    assert len(pieces) <= 5


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 7])
def test_a_burst_whose_last_chunk_is_not_whole_does_not_wait_for_it(serve, send, cut):
    events = [chunk(ONE) for _ in range(50)]
    last = threading.Event()
    upstream = serve([READ, CHUNKED + b"".join(events)[:-cut], last, b"".join(events)[-cut:] + LAST])
    chunks = send(upstream).chunks()
    seen = b""
    while len(seen) < 50 * len(ONE) - max(0, cut - 2):
        seen += next(chunks)
    last.set()
    assert seen + b"".join(chunks) == 50 * ONE


def test_a_long_burst_of_a_length_comes_in_few_pieces(serve, send):
    events = [b"data: %d\n\n" % number for number in range(500)]
    body = b"".join(events)
    pieces = list(burst(serve, send, head(f"Content-Length: {len(body)}"), events))
    assert b"".join(pieces) == body
    assert len(pieces) <= 5


# Bodies that are not whole.

CUT = {
    "a length that was not reached": [head("Content-Length: 100"), ONE, CLOSE],
    "cut within a chunk": [CHUNKED, chunk(ONE), b"9\r\ndat", CLOSE],
    "cut before a chunk's data": [CHUNKED, chunk(ONE), b"9\r\n", CLOSE],
    "cut within a chunk's size": [CHUNKED, chunk(ONE), b"9", CLOSE],
    "cut before a chunk's end": [CHUNKED, chunk(ONE)[:-2], CLOSE],
    "no last chunk": [CHUNKED, chunk(ONE), CLOSE],
    "a size that is none": [CHUNKED, chunk(ONE), b"ZZ\r\nabc\r\n", CLOSE],
    "a negative size": [CHUNKED, chunk(ONE), b"-9\r\n" + ONE + b"\r\n", LAST, CLOSE],
    "a reset within the body": [head("Content-Length: 100"), ONE, RESET],
    "nothing of a length": [head("Content-Length: 100"), CLOSE],
    "nothing of a chunked body": [CHUNKED, CLOSE],
}


@pytest.mark.parametrize("steps", CUT.values(), ids=CUT)
def test_a_whole_answer_that_was_cut_is_an_error(serve, send, steps):
    with pytest.raises(ProviderError) as caught:
        send(serve([READ, *steps])).body(LIMIT)
    assert (caught.value.code, caught.value.status, caught.value.settlement) == ("upstream_truncated", 502, "unknown")


@pytest.mark.parametrize("steps", CUT.values(), ids=CUT)
def test_a_stream_that_was_cut_is_an_error(serve, send, steps):
    assert pieces_until_failure(send(serve([READ, *steps])))[1] == "upstream_reset"


@pytest.mark.parametrize(
    "rest",
    [b"ZZ\r\nabc\r\n", b"9\r\ndat", b"-9\r\nabc\r\n", b"9", b""],
    ids=["bad", "short", "negative", "size", "none"],
)
def test_what_came_before_a_cut_is_handed_on(serve, send, rest):
    sent = threading.Event()
    gate = threading.Event()
    reply = send(serve([READ, CHUNKED, gate, chunk(ONE) + chunk(TWO) + rest, sent.set, CLOSE]))
    gate.set()
    assert sent.wait(WAIT_SECS)
    seen, code = pieces_until_failure(reply)
    assert (seen[: len(ONE + TWO)], code) == (ONE + TWO, "upstream_reset")


@pytest.mark.parametrize("size", [b"ZZ\r\n", b"-9\r\n", b"\r\n", b"x" * 70_000])
def test_a_connection_whose_framing_broke_is_not_used_again(serve, send, size):
    upstream = serve([READ, CHUNKED, chunk(ONE), size + ONE + b"\r\n" + LAST], [READ, OK])
    reply = send(upstream)
    pieces_until_failure(reply)
    reply.close()
    assert upstream.left.wait(WAIT_SECS)
    assert send(upstream).body(LIMIT) == b"ok"


def test_a_body_without_framing_ends_with_its_connection(serve, send):
    assert send(serve([READ, UNFRAMED, ONE, CLOSE])).body(LIMIT) == ONE


def test_a_stream_that_goes_silent_times_out(serve, send, client):
    reply = send(serve([READ, CHUNKED, chunk(ONE)]), through=client(idle_secs=0.1))
    assert pieces_until_failure(reply) == (ONE, "upstream_timeout")


def test_a_whole_answer_that_goes_silent_times_out(serve, send, client):
    with pytest.raises(ProviderError) as caught:
        send(serve([READ, head("Content-Length: 100"), ONE]), through=client(first_event_secs=0.1)).body(LIMIT)
    assert caught.value.code == "upstream_timeout"


def test_an_answer_without_a_body_is_empty(serve, send):
    assert send(serve([READ, sized(b"")])).body(LIMIT) == b""


# Sizes.

BIG = bytes(range(256)) * 4096 * 20


@pytest.mark.parametrize(
    "answer",
    [
        [sized(BIG)],
        [CHUNKED, b"".join(chunk(BIG[at : at + 100_000]) for at in range(0, len(BIG), 100_000)), LAST],
        [UNFRAMED, BIG, CLOSE],
    ],
    ids=["length", "chunked", "close"],
)
def test_a_body_of_twenty_megabytes_comes_whole(serve, send, answer):
    assert send(serve([READ, *answer])).body(LIMIT) == BIG


@pytest.mark.parametrize(
    "answer", [[sized(b"x" * 2000)], [CHUNKED, chunk(b"x" * 2000), LAST]], ids=["length", "chunked"]
)
def test_a_body_beyond_its_limit_is_refused(serve, send, answer):
    with pytest.raises(ProviderError) as caught:
        send(serve([READ, *answer])).body(1999)
    assert caught.value.code == "upstream_bad_response"


def test_a_body_at_its_limit_passes(serve, send):
    assert len(send(serve([READ, sized(b"x" * 2000)])).body(2000)) == 2000


def test_the_beginning_of_a_long_body_is_enough(serve, send):
    upstream = serve([READ, sized(b"x" * 5_000_000, status="500 Oh")])
    reply = send(upstream)
    assert reply.beginning(1000) == b"x" * 1000
    reply.close()
    assert upstream.left.wait(WAIT_SECS)


def test_the_beginning_of_a_body_that_was_cut_is_nothing_to_fail_by(serve, send):
    assert send(serve([READ, head("Content-Length: 100", status="500 Oh"), b"abc", CLOSE])).beginning(1000) in (
        b"",
        b"abc",
    )


# Forms of a body.


def test_a_body_is_read_as_json(serve, send):
    assert send(serve([READ, sized(b'{"a": 1}')])).json() == {"a": 1}


def test_a_body_that_is_not_json_is_a_bad_response(serve, send):
    with pytest.raises(ProviderError) as caught:
        send(serve([READ, sized(b"<html>")])).json()
    assert caught.value.code == "upstream_bad_response"


def test_a_body_is_read_as_events(serve, send):
    assert [event.data for event in send(serve([READ, sized(ONE + TWO)])).events()] == [b"1", b"2"]


def test_a_body_is_read_as_lines(serve, send):
    assert list(send(serve([READ, CHUNKED, chunk(b"a\r\nb"), chunk(b"c\n\nd"), LAST])).lines()) == [
        b"a",
        b"bc",
        b"",
        b"d",
    ]


def test_headers_go_by_their_lower_case_names(serve, send):
    reply = send(serve([READ, sized(b"", "X-One: 1", "x-two: a", "X-Two: b")]))
    assert (reply.headers["x-one"], reply.headers["x-two"]) == ("1", "a, b")


# What closing does.


def test_closing_before_the_end_closes_the_connection(serve, send):
    upstream = serve([READ, CHUNKED, chunk(ONE)])
    reply = send(upstream)
    next(reply.chunks())
    reply.close()
    assert upstream.left.wait(WAIT_SECS)


def test_closing_unread_closes_the_connection(serve, send):
    upstream = serve([READ, CHUNKED])
    send(upstream).close()
    assert upstream.left.wait(WAIT_SECS)


def test_closing_twice_is_closing_once(serve, send):
    upstream = serve([READ, CHUNKED])
    reply = send(upstream)
    reply.close()
    reply.close()
    assert upstream.left.wait(WAIT_SECS)


def test_the_end_of_a_stream_that_is_over_is_waited_for(serve, send, monkeypatch):
    monkeypatch.setattr(reading, "_DRAIN_SECS", WAIT_SECS)
    late = threading.Event()
    upstream = serve([READ, CHUNKED, chunk(ONE), late, LAST, READ, OK])
    reply = send(upstream)
    assert next(reply.chunks()) == ONE
    threading.Timer(0.02, late.set).start()
    reply.close(drain=True)
    assert send(upstream).body(LIMIT) == b"ok"
    assert upstream.connections == 1


def test_an_end_that_does_not_come_is_not_waited_for_long(serve, send, monkeypatch):
    monkeypatch.setattr(reading, "_DRAIN_SECS", 0.01)
    upstream = serve([READ, CHUNKED, chunk(ONE)], [READ, OK])
    reply = send(upstream)
    next(reply.chunks())
    reply.close(drain=True)
    assert upstream.left.wait(WAIT_SECS)
    assert send(upstream).body(LIMIT) == b"ok"
    assert upstream.connections == 2


def test_more_events_than_the_last_are_not_drained_for_ever(serve, send, monkeypatch):
    monkeypatch.setattr(reading, "_DRAIN_SECS", 0.2)
    upstream = serve([READ, CHUNKED, *[chunk(b"x" * 70_000)] * 50])
    reply = send(upstream)
    next(reply.chunks())
    reply.close(drain=True)
    assert upstream.left.wait(WAIT_SECS)
