import http.client
import io
import json
import socket
import time

import pytest

from llmproxy.web import body

LIMIT = 1000
SERVER = {"server": {"max_body_mb": LIMIT / 1024 / 1024}}


@pytest.fixture
def small(make_app):
    """Calls an application that takes bodies of 1,000 bytes."""
    return make_app(SERVER).test_client()


def body_of(size):
    """A valid body of so many bytes."""
    start, end = b'{"model": "echo", "messages": [{"role": "user", "content": "', b'"}]}'
    return start + b"x" * (size - len(start) - len(end)) + end


class ChunkedBody(io.BytesIO):
    """Gives what a server gives that has decoded chunks: short reads, and an end."""

    def read(self, size=-1):
        return super().read(min(size, 100) if size >= 0 else size)


def chunked(raw):
    return {"wsgi.input": ChunkedBody(raw), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_body_up_to_the_limit_is_read(small, ask, size):
    assert ask(small, raw=body_of(size)).status_code == 200


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 50 * LIMIT])
def test_a_larger_body_is_refused(small, ask, size):
    response = ask(small, raw=body_of(size))
    assert response.status_code == 413
    assert response.json["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_chunked_body_up_to_the_limit_is_read(small, get, size):
    response = get(small, "/v1/chat/completions", "POST", environ_overrides=chunked(body_of(size)))
    assert response.json["choices"][0]["message"]["content"] == "x" * (size - len(body_of(0)))


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 50 * LIMIT])
def test_a_larger_chunked_body_is_refused_and_not_cut(small, get, size):
    response = get(small, "/v1/chat/completions", "POST", environ_overrides=chunked(body_of(size)))
    assert response.status_code == 413
    assert response.json["error"]["code"] == "request_too_large"


def test_a_chunked_body_is_not_read_far_beyond_the_limit(small, get):
    environ = chunked(body_of(1000 * LIMIT))
    get(small, "/v1/chat/completions", "POST", environ_overrides=environ)
    assert environ["wsgi.input"].tell() <= 2 * LIMIT


def test_a_body_that_says_it_is_too_large_is_not_read_at_all(small, get):
    stream = io.BytesIO(b"x" * 10)
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(LIMIT + 1), "CONTENT_TYPE": "application/json"}
    assert get(small, "/v1/chat/completions", "POST", environ_overrides=environ).status_code == 413
    assert stream.tell() == 0


def test_a_body_shorter_than_it_says_is_refused(small, get):
    environ = {"wsgi.input": io.BytesIO(b'{"model"'), "CONTENT_LENGTH": "500", "CONTENT_TYPE": "application/json"}
    response = get(small, "/v1/chat/completions", "POST", environ_overrides=environ)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"42",
        b'"text"',
        b"true",
        b"{",
        b'{"model": "echo",}',
        b"{'model': 'echo'}",
        b'{"model": "echo"} {}',
        b'{"model": "echo"}x',
        b"model=echo",
        b'{"a": "\x01"}',
    ],
)
def test_what_is_no_json_object_is_refused(client, ask, raw):
    response = ask(client, raw=raw)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000, b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"])
def test_deep_nesting_is_refused(client, ask, raw):
    response = ask(client, raw=raw)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": "echo", "model": "up/m", "messages": []}',
        b'{"model": "echo", "messages": [{"role": "user", "role": "system"}]}',
        b'{"model": "echo", "mod\\u0065l": "up/m"}',
    ],
)
def test_a_key_that_stands_twice_is_refused(client, ask, raw):
    response = ask(client, raw=raw)
    assert (response.status_code, response.json["error"]["code"]) == (400, "duplicate_key")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 5000])
def test_numbers_that_are_not_json_are_refused(client, ask, number):
    raw = b'{"model": "echo", "messages": [{"role": "user", "content": "x"}], "temperature": ' + number + b"}"
    response = ask(client, raw=raw)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_than_utf_8_are_refused(client, ask, encoding):
    response = ask(client, raw=body_of(100).decode().encode(encoding))
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("raw", [b'{"model": "\xff"}', b'{"model": "\xc3"}', b'{"model": "\xed\xa0\x80"}'])
def test_bytes_that_are_not_utf_8_are_refused(client, ask, raw):
    response = ask(client, raw=raw)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff tail", "\\u0000", "\\ufeff", "\\u2028"])
def test_odd_characters_in_a_text_come_back_as_they_were(client, ask, text):
    raw = b'{"model": "echo", "messages": [{"role": "user", "content": "a%s"}]}' % text.encode()
    response = ask(client, raw=raw)
    assert response.status_code == 200
    assert response.get_data().isascii()
    assert text.encode() in response.get_data()


def test_a_refusal_does_not_repeat_the_body(client, ask, logged):
    response = ask(client, raw=b'{"model": "canary", canary')
    assert b"canary" not in response.get_data()
    assert "canary" not in logged.text


def test_a_refusal_of_the_body_says_where_it_is_wrong(client, ask):
    response = ask(client, raw=b'{"model": "echo",\n  nonsense}')
    assert "line 2, column 3" in response.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "user", "content": 5}]}, "messages.1.content"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": ["hello"]}, "messages.0"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_a_wrong_member_is_named_by_its_path(client, ask, body, path):
    response = ask(client, **body)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_value")
    assert response.json["error"]["param"] == path


def test_members_nobody_knows_pass(client, ask):
    assert ask(client, model="echo", invented_next_week={"a": [1]}).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json; charset="UTF-8"',
        "APPLICATION/JSON",
        "application/json;charset=utf8",
    ],
)
def test_json_in_utf_8_is_taken(client, ask, value):
    assert ask(client, model="echo", headers={"Content-Type": value}).status_code == 200


def test_a_body_that_does_not_say_what_it_is_is_taken(client, get):
    raw = body_of(100)
    assert get(client, "/v1/chat/completions", "POST", data=raw).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "text/plain",
        "text/html",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/vnd.api+json",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=nonsense",
        "nonsense",
    ],
)
def test_other_media_types_are_refused(client, ask, value):
    response = ask(client, headers={"Content-Type": value})
    assert (response.status_code, response.json["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
def test_compressed_bodies_are_refused(client, ask, coding):
    response = ask(client, headers={"Content-Encoding": coding})
    assert (response.status_code, response.json["error"]["code"]) == (415, "unsupported_media_type")


def test_a_body_that_says_it_is_not_compressed_is_taken(client, ask):
    assert ask(client, model="echo", headers={"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize("status", [400, 413, 415])
def test_nothing_is_sent_upstream_for_a_body_that_is_refused(small, ask, up, status):
    body = {400: {"raw": b"{"}, 413: {"raw": body_of(2000)}, 415: {"headers": {"Content-Type": "text/plain"}}}
    assert ask(small, **body[status]).status_code == status
    assert not up.calls


@pytest.fixture
def send_chunked(make_app, serve):
    """Sends a body in chunks over a real socket; returns the status and the code of the error, if it is one."""
    port = serve(make_app(SERVER))

    def send(raw):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        pieces = (raw[start : start + 300] for start in range(0, len(raw), 300))
        headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
        connection.request("POST", "/v1/chat/completions", pieces, headers, encode_chunked=True)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body.get("error", {}).get("code")

    return send


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_chunks_up_to_the_limit_are_read(send_chunked, size):
    assert send_chunked(body_of(size)) == (200, None)


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
def test_more_chunks_are_refused(send_chunked, size):
    assert send_chunked(body_of(size)) == (413, "request_too_large")


# How long it may take; over a real socket


@pytest.fixture
def connect(serve, make_app):
    """A connection to an application, on which the head of a request was sent."""
    opened = []

    def begin(*lines, path="/v1/chat/completions"):
        connection = socket.create_connection(("127.0.0.1", serve(make_app())), timeout=10)
        opened.append(connection)
        head = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]
        connection.sendall("\r\n".join(head).encode())
        return connection

    yield begin
    for connection in opened:
        connection.close()


def answer_on(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.headers["x-llmproxy-error"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages/count_tokens", "/passthrough/up/files"])
def test_a_body_that_does_not_come_in_time_is_refused(connect, monkeypatch, path):
    monkeypatch.setattr(body, "BODY_SECS", 0.1)
    connection = connect("Content-Length: 100", path=path)
    connection.sendall(b"{")
    assert answer_on(connection) == (408, "deadline_exceeded")


def test_a_body_has_no_longer_than_its_request(connect):
    connection = connect("Content-Length: 100", "x-llmproxy-timeout-ms: 100")
    assert answer_on(connection) == (408, "deadline_exceeded")


def test_a_body_that_comes_in_pieces_has_its_time(connect):
    asked = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "hello"}], "n": {}}).encode()
    connection = connect(f"Content-Length: {len(asked)}")
    connection.sendall(asked[:20])
    time.sleep(0.05)
    connection.sendall(asked[20:])
    response = http.client.HTTPResponse(connection)
    response.begin()
    assert response.status != 408


def test_what_a_server_cannot_read_is_the_clients_fault(client, get):
    class Broken(io.RawIOBase):
        def readinto(self, buffer):
            raise RuntimeError("a chunk that is none")

    environ = {"wsgi.input": Broken(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = get(client, "/v1/chat/completions", "POST", environ_overrides=environ)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_json")
