"""Section E: what clients do, on purpose or not."""

import http.client
import json
import time

import pytest

from matrix.conftest import CHAT, CLIENT_KEY, MESSAGES, PROMPT, code_of, posted, soon, status_of

MIB = 1024 * 1024
LIMIT = 32 * MIB
ASKED = json.dumps({"model": "up/e", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5}).encode()


def last_line(row, start):
    """The facts of the last request that has finished since the log had this size."""
    assert soon(lambda: b"request finished" in row.worker.logged(start))
    lines = [line for line in row.worker.logged(start).splitlines() if b"request finished" in line]
    return json.loads(lines[-1])


def refused(row, received, status, code):
    """Whether this is our refusal; nothing has gone to the upstream then."""
    row.attempts = 0
    return (status_of(received), code_of(received)) == (status, code)


@pytest.mark.parametrize(
    ("fault", "stream"), [("slow_headers:20", False), ("slow_headers:20", True), ("stall_before_first_event", True)]
)
def test_E1_a_client_that_leaves_before_the_first_byte_lets_the_upstream_go(row, fault, stream):
    start = row.worker.log_size
    connection = row.play(fault).begin("unknown", stream)
    assert row.upstream.wait_for(lambda upstream: upstream.open_requests == 1)
    connection.close()
    left = time.monotonic()
    request = row.upstream.requests[-1]
    assert row.upstream.wait_for(lambda _: request.left is not None, 1.5)
    assert request.left - left < 1
    assert last_line(row, start)["status"] == 499


def leave_after(row, start, events, **options):
    """A client that reads so many events of a paced stream, then leaves; gives the line it leaves behind."""
    connection = row.play("unframed_stream", pause=0.2).begin("partial", True, **options)
    response = connection.getresponse()
    said = b""
    while said.count(b"\n\n") < events:
        said += response.read1(65536)
    response.close()
    connection.close()
    request = row.upstream.requests[-1]
    assert row.upstream.wait_for(lambda _: request.left is not None, 1.5)
    return last_line(row, start)


@pytest.mark.parametrize(("path", "events"), [(CHAT, 1), (CHAT, 2), (MESSAGES, 2), (MESSAGES, 3)])
def test_E2_a_client_that_leaves_midway_lets_the_upstream_go(row, path, events):
    line = leave_after(row, row.worker.log_size, events, path=path)
    assert (line["status"], line["error"]) == (499, "client_gone")


def test_E2_usage_counts_even_if_the_client_leaves_one_event_before_the_end(row):
    # Its five events: two that say something, the reason, usage, and the end, which nobody waits for here.
    line = leave_after(row, row.worker.log_size, 4, stream_options={"include_usage": True})
    assert (line["outcome"], line["input_tokens"], line["output_tokens"]) == ("partial", 5, 7)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_E4_a_body_that_does_not_come_frees_its_thread(row, framing):
    lines = ["x-llmproxy-timeout-ms: 500", *(["Transfer-Encoding: chunked"] if framing == "chunked" else [])]
    half = b"10\r\n{" if framing == "chunked" else b"{"
    started = time.monotonic()
    received = row.send(posted(half, *lines, length=False if lines[1:] else 1000), outcome="void")
    assert refused(row, received, 408, "deadline_exceeded")
    assert time.monotonic() - started < 5


def test_E4_a_body_that_comes_byte_by_byte_has_no_more_time(row):
    head, drops = posted(b"", "x-llmproxy-timeout-ms: 500", length=1000), [b" "] * 20
    started = time.monotonic()
    received = row.send(head, *drops, outcome="void", pause=0.1)
    assert (refused(row, received, 408, "deadline_exceeded"), time.monotonic() - started < 8) == (True, True)


def test_E4_others_are_served_meanwhile(row):
    row.attempts = 1
    slow = [http.client.HTTPConnection("127.0.0.1", row.worker.port) for _ in range(4)]
    for connection in slow:
        connection.putrequest("POST", CHAT)
        connection.putheader("Authorization", f"Bearer {CLIENT_KEY}")
        connection.putheader("Content-Length", "1000")
        connection.putheader("x-llmproxy-timeout-ms", "1500")
        connection.endheaders(b"{")
    answer = row.play("ok").ask("settled")
    assert (answer.status, answer.seconds < 1.5) == (200, True)
    row.outcomes += ["void"] * len(slow)
    row.asked += len(slow)
    assert [connection.getresponse().status for connection in slow] == [408] * len(slow)
    for connection in slow:
        connection.close()


def chunked(body):
    """A body in chunks of 64 KiB."""
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def padded(size):
    """A request of exactly this size."""
    return ASKED.replace(PROMPT.encode(), PROMPT.encode() + b"x" * (size - len(ASKED)))


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1])
def test_E5_a_body_above_the_limit_is_refused_and_one_up_to_it_is_not(row, size, framing):
    row.play("ok")
    body = padded(size)
    head = posted(b"", "Transfer-Encoding: chunked", length=False) if framing == "chunked" else posted(length=size)
    fits = size <= LIMIT
    sent, outcome = chunked(body) if framing == "chunked" else body, "settled" if fits else "void"
    received = row.send(head, sent, outcome=outcome, patience=20)
    assert b"\r\nconnection: close\r\n" in received.lower()
    if fits:
        assert (status_of(received), row.upstream.requests[-1].body.count(b"x") > LIMIT - 1000) == (200, True)
    else:
        assert refused(row, received, 413, "request_too_large")


@pytest.mark.parametrize("kept", ["close", "keep-alive"])
def test_E5_a_body_that_says_it_is_too_large_is_refused_before_it_is_there(row, kept):
    started = time.monotonic()
    head = posted(length=LIMIT + 1).replace(b"Connection: close", b"Connection: " + kept.encode())
    received = row.send(head, outcome="void")
    assert refused(row, received, 413, "request_too_large")
    assert time.monotonic() - started < 6


NO_OBJECTS = [b"", b" ", b"null", b"[]", b"42", b'"text"', b"{", b'{"model": "up/e",}', ASKED + b"{}"]


@pytest.mark.parametrize("body", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_E6_what_is_no_json_object_is_refused_without_an_echo(row, body, path):
    row.attempts = 0
    received = row.send(posted(body, path=path), outcome="void")
    assert (status_of(received), b"x-llmproxy-error: invalid_json" in received) == (400, True)
    assert PROMPT.encode() not in received


def test_E6_the_place_of_a_mistake_is_told(row):
    received = row.send(posted(b'{"model": "up/e",\n oops}'), outcome="void")
    assert refused(row, received, 400, "invalid_json")
    assert b"line 2, column 2" in received


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"messages":' + b"[" * 70 + b"]" * 70 + b"}"])
def test_E7_a_body_nested_too_deep_is_refused(row, body):
    assert refused(row, row.send(posted(body), outcome="void"), 400, "invalid_json")


@pytest.mark.parametrize("key", [b'"model": "up/e"', b'"mod\\u0065l": "up/e"', b'"messages": []'])
def test_E8_a_key_that_stands_twice_is_refused(row, key):
    received = row.send(posted(b"{" + key + b", " + ASKED[1:]), outcome="void")
    assert refused(row, received, 400, "duplicate_key")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 5000])
def test_E9_a_number_that_is_not_json_is_refused(row, number):
    received = row.send(posted(b'{"temperature": ' + number + b", " + ASKED[1:]), outcome="void")
    assert refused(row, received, 400, "invalid_json")


NO_UTF8 = [ASKED.decode().encode("utf-16"), b"\xef\xbb\xbf" + ASKED, b"\x00" + ASKED, ASKED.replace(b"up/e", b"\xff")]


@pytest.mark.parametrize("body", NO_UTF8, ids=["UTF-16", "BOM", "NUL", "byte FF"])
def test_E10_what_is_no_json_in_utf8_is_refused(row, body):
    assert refused(row, row.send(posted(body), outcome="void"), 400, "invalid_json")


def test_E10_a_lone_surrogate_stays_the_escape_that_it_came_as(row):
    body = ASKED.replace(PROMPT.encode(), b"\\ud83d \\u0000")
    for path in (CHAT, MESSAGES):
        assert status_of(row.play("ok").send(posted(body, path=path), outcome="settled")) == 200
        assert b"\\ud83d \\u0000" in row.upstream.requests[-1].body


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: application/json; charset=latin-1",
        "Content-Encoding: gzip",
    ],
)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_E11_other_media_are_refused_in_our_words(row, line, path):
    row.attempts = 0
    request = posted(ASKED, path=path)
    if line.startswith("Content-Type"):
        request = request.replace(b"Content-Type: application/json", line.encode())
    else:
        request = posted(ASKED, line, path=path)
    received = row.send(request, outcome="void")
    assert (status_of(received), b"content-type: application/json" in received.lower()) == (415, True)


@pytest.mark.parametrize("model", ["up/e\r\nX-Injected: 1", "up/e\nX-Injected: 1", "up/e\x85X-Injected: 1"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_E12_a_line_end_in_a_model_ends_no_line_of_a_head(row, model, path):
    row.attempts = 0
    answer = row.ask("void", path=path, model=model)
    assert (answer.status, "x-injected" in answer.headers) == (404, False)


BAD_HEADS = {
    "line end in a value": b"X-A: b\rc",
    "NUL": b"X-A: b\0c",
    "space in a name": b"X A: b",
    "space after a name": b"X-A : b",
    "no name": b": b",
    "no colon": b"nonsense",
    "fold": b"X-A: b\r\n c",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "length and chunked": b"Transfer-Encoding: chunked",
    "unknown coding": b"Transfer-Encoding: xchunked",
    "coding after chunked": b"Transfer-Encoding: chunked, gzip",
    "coding before chunked": b"Transfer-Encoding: gzip, chunked",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "chunked in quotes": b'Transfer-Encoding: "chunked"',
    "chunked after a tab": b"Transfer-Encoding:\x0bchunked",
    "negative length": b"Content-Length: -1",
    "length with a sign": b"Content-Length: +5",
    "hexadecimal length": b"Content-Length: 0x5",
}
SECOND = posted(ASKED, key="canary-smuggled")
LINES = {
    "E12": ["line end in a value", "NUL", "space in a name", "space after a name", "no name", "no colon"],
}


@pytest.mark.parametrize("kind", LINES["E12"])
def test_E12_a_header_that_is_none_is_refused(row, kind):
    row.attempts = 0
    received = row.send(posted(ASKED).replace(b"\r\n\r\n", b"\r\n" + BAD_HEADS[kind] + b"\r\n\r\n", 1))
    assert status_of(received) in (400, 501)


@pytest.mark.parametrize("kind", [kind for kind in BAD_HEADS if kind not in LINES["E12"]])
def test_E13_a_request_that_can_be_read_in_two_ways_is_refused_and_what_follows_is_not_read(row, kind):
    row.attempts = 0
    lines = BAD_HEADS[kind]
    head = posted(length=False if b"ength:" in lines else None).replace(b"Connection: close\r\n", b"")
    first = head.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n\r\n", 1) + b"0\r\n\r\n"
    received = row.send(first + SECOND)
    assert (status_of(received) in (400, 501), received.count(b"HTTP/1.1 ")) == (True, 1)


BAD_CHUNKS = [b"xyz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"5\r\nhelloworld\r\n", b"5 ;a\nhello\r\n"]


@pytest.mark.parametrize("chunk", BAD_CHUNKS)
def test_E13_a_chunk_that_is_none_is_refused_and_what_follows_is_not_read(row, chunk):
    row.attempts = 0
    head = posted(b"", "Transfer-Encoding: chunked", length=False).replace(b"Connection: close\r\n", b"")
    received = row.send(head + chunk + b"0\r\n\r\n" + SECOND, outcome="void")
    assert (status_of(received), received.count(b"HTTP/1.1 ")) == (400, 1)


@pytest.mark.parametrize("ends", [b"\n", b"\r"])
def test_E13_a_line_ends_with_both(row, ends):
    row.attempts = 0
    received = row.send(posted(ASKED).replace(b"\r\n", ends))
    assert status_of(received) in (400, None)


@pytest.mark.parametrize("hosts", [b"", b"Host: one\r\nHost: two\r\n"])
def test_E13_the_host_is_nobodys_business(row, hosts):
    received = row.play("ok").send(posted(ASKED).replace(b"Host: proxy\r\n", hosts), outcome="settled")
    if status_of(received) != 200:  # refused by the server itself
        row.attempts, row.asked = 0, row.asked - 1
        row.outcomes.pop()
    assert status_of(received) in (200, 400)


def test_E13_a_header_with_an_underscore_stands_for_no_other(row):
    row.attempts = 0
    received = row.send(posted(ASKED, f"x_api_key: {CLIENT_KEY}", path=MESSAGES, key=None), outcome="void")
    assert status_of(received) == 401


@pytest.mark.parametrize(
    "model",
    [
        "../../admin",
        "http://169.254.169.254/",
        "%2e%2e/secrets",
        "gpt\u2010",
        "/",
        "up",
        "nothing/" + "x" * MIB,
        "x" * MIB,
        "\u0000",
    ],
    ids=lambda model: ascii(model[:20]),
)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_E14_a_name_that_is_no_models_leads_nowhere(row, model, path):
    row.attempts = 0
    answer = row.play("ok").ask("void", path=path, model=model)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (404, "model_not_found")
    assert len(answer.body) < 1000


@pytest.mark.parametrize("name", ["..", "../admin", "a/../../b", "a?b", "a#b", "a\\..\\b", "%2e%2e"])
def test_E14_a_name_that_could_leave_its_place_in_a_path_is_not_sent(row, name):
    row.attempts = 0
    answer = row.play("ok").ask("void", model=f"gemini/{name}")
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (404, "model_not_found")


@pytest.mark.parametrize(("name", "segment"), [("a b", "a%20b"), ("@x:80", "%40x%3A80"), ("a;b", "a%3Bb")])
def test_E14_a_name_stays_one_segment_of_a_path(row, name, segment):
    row.play("ok").ask("unknown", model=f"gemini/{name}")
    assert row.upstream.requests[-1].path == f"/v1/models/{segment}:generateContent"
