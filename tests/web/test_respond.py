import http.client as http_client
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from fakes import CHAT_URL, STREAM, chunk, completion, http, sse, upstream
from werkzeug.test import EnvironBuilder

from llmproxy.core.errors import CODES, LLMProxyError

RELAYED = {"message": "no", "type": "invalid_request_error", "param": "x", "code": "own_code"}


def shape(response):
    """What an error says besides its message."""
    error = response.json["error"]
    assert set(response.json) == {"error"}
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return response.status_code, error["type"], error["code"], response.headers.get("x-should-retry")


def check_headers(response):
    """What every error's head says."""
    assert response.content_type == "application/json"
    assert re.fullmatch(r"req-[0-9a-f]{24}", response.headers["x-request-id"])
    assert response.headers["x-llmproxy-error"] == response.json["error"]["code"]
    assert response.headers["x-llmproxy-attempts"].isdecimal()
    assert int(response.headers["Content-Length"]) == len(response.get_data())
    if response.status_code in (429, 503):
        assert int(response.headers["Retry-After"]) >= 1


# The table of codes: what the caller can put right.

ROUTES = {
    "processor": {"cap": {"type": "token_limit", "max_input_tokens": 3}},
    "route": [
        {"path_prefix": "/"},
        {"path_prefix": "/capped", "processors": ["cap"]},
        {"path_prefix": "/whole", "allow_streaming": False},
        {"path_prefix": "/streams", "allow_non_streaming": False},
    ],
}
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "arguments", "expected"),
    [
        (CHAT, {"raw": "{"}, (400, "invalid_request_error", "invalid_json", "false")),
        (CHAT, {"raw": '{"a":1,"a":1}'}, (400, "invalid_request_error", "duplicate_key", "false")),
        (CHAT, {"model": 1}, (400, "invalid_request_error", "invalid_value", "false")),
        (CHAT, {"model": "nope"}, (404, "invalid_request_error", "model_not_found", "false")),
        (CHAT, {"raw": b"x" * 2_000_000}, (413, "invalid_request_error", "request_too_large", "false")),
        (
            CHAT,
            {"headers": {"Content-Type": "text/plain"}},
            (415, "invalid_request_error", "unsupported_media_type", "false"),
        ),
        (
            f"/capped{CHAT}",
            {"messages": [{"role": "user", "content": "many words " * 9}]},
            (400, "invalid_request_error", "token_limit_exceeded", "false"),
        ),
        (f"/whole{CHAT}", {"stream": True}, (400, "invalid_request_error", "streaming_not_allowed", "false")),
        (f"/streams{CHAT}", {}, (400, "invalid_request_error", "streaming_not_allowed", "false")),
        ("/nowhere", {}, (404, "invalid_request_error", "not_found", "false")),
        ("/v1/models", {}, (405, "invalid_request_error", "method_not_allowed", "false")),
        (
            "/v1/responses",
            {"input": "x", "model": "chats/m", "previous_response_id": "resp_1"},
            (400, "invalid_request_error", "unsupported_feature", "false"),
        ),
        (CHAT, {"model": "off/m"}, (503, "server_error", "llm_not_configured", "false")),
    ],
)
def test_what_the_caller_can_put_right(make_app, ask, path, arguments, expected):
    llms = {
        **upstream(models=["gpt-5"])["llm"],
        "chats": {"provider": "mistral", "token_env": []},
        "off": {"provider": "groq", "token_env": "NOT_SET"},
    }
    app = make_app({"llm": llms, "server": {"max_body_mb": 1}, **ROUTES})
    response = ask(app.test_client(), path, **arguments)
    assert shape(response) == expected
    check_headers(response)


def test_a_missing_key(make_app, ask):
    response = ask(make_app({"server": {"auth": "keys"}}).test_client())
    assert shape(response) == (401, "invalid_request_error", "invalid_api_key", "false")
    check_headers(response)


# The table of codes: what the upstream did.


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 400, "json": {"error": RELAYED}}, (400, "invalid_request_error", "own_code", "false")),
        ({"status": 401}, (502, "server_error", "upstream_auth_failed", "false")),
        ({"status": 403}, (502, "server_error", "upstream_auth_failed", "false")),
        ({"status": 404, "json": {"error": RELAYED}}, (404, "invalid_request_error", "own_code", "false")),
        ({"status": 408}, (504, "server_error", "upstream_timeout", "false")),
        ({"status": 429}, (429, "rate_limit_error", "upstream_rate_limited", "true")),
        (
            {"status": 429, "json": {"error": {"code": "insufficient_quota", "message": "x"}}},
            (503, "server_error", "upstream_quota_exhausted", "false"),
        ),
        ({"status": 500}, (502, "server_error", "upstream_error", "false")),
        ({"status": 502}, (502, "server_error", "upstream_error", "false")),
        ({"status": 503}, (503, "server_error", "upstream_overloaded", "true")),
        ({"status": 504}, (504, "server_error", "upstream_timeout", "false")),
        ({"status": 529}, (503, "server_error", "upstream_overloaded", "true")),
        ({"status": 302, "headers": {"Location": "/"}}, (502, "server_error", "upstream_redirect", "false")),
        ({"body": "<html>", "content_type": "text/html"}, (502, "server_error", "upstream_bad_response", "false")),
        ({"body": requests.ConnectionError()}, (502, "server_error", "upstream_unavailable", "true")),
        ({"body": requests.ConnectTimeout()}, (504, "server_error", "upstream_timeout", "true")),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_upstream_did(client, ask, up, answer, expected, stream):
    up.post(CHAT_URL, **answer)
    response = ask(client, stream=stream)
    assert shape(response) == expected
    check_headers(response)


def test_a_bug_of_our_own_says_nothing_of_itself(client, ask, monkeypatch, logged):
    monkeypatch.setattr("llmproxy.routing.router.Router.targets", lambda *_: [][1])
    response = ask(client)
    assert shape(response) == (500, "server_error", "internal_error", "false")
    assert b"index" not in response.get_data()
    assert "IndexError" in logged.text
    check_headers(response)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_can_be_said(client, ask, monkeypatch, code):
    def fail(*_):
        raise LLMProxyError(code=code)

    monkeypatch.setattr("llmproxy.routing.router.Router.targets", fail)
    response = ask(client)
    assert response.status_code == CODES[code].status
    check_headers(response)


@pytest.mark.parametrize(
    ("given", "said"),
    [("7", "7"), ("1.2", "2"), ("0", "1"), ("600", "60"), ("-5", "1"), ("nan", "1"), ("soon", "1"), ("1e12", "60")],
)
def test_retry_after_is_rounded_up_and_capped(client, ask, up, given, said):
    up.post(CHAT_URL, status=429, headers={"Retry-After": given})
    assert ask(client).headers["Retry-After"] == said


def test_an_answer_that_failed_is_not_retried(client, ask, up):
    up.post(CHAT_URL, status=500)
    assert ask(client).headers["x-llmproxy-attempts"] == "1"
    assert len(up.calls) == 1


# Heads of answers


def test_an_answer_says_who_gave_it(client, ask, up):
    up.post(CHAT_URL, json=completion())
    headers = ask(client).headers
    facts = [headers[f"x-llmproxy-{name}"] for name in ("llm", "model", "attempts")]
    assert facts == ["up", "m", "1"]


@pytest.mark.parametrize("stream", [False, True])
def test_only_rate_limits_pass_of_the_upstreams_head(client, ask, up, stream):
    head = {
        "Set-Cookie": "a=b",
        "Server": "canary",
        "openai-organization": "canary",
        "x-request-id": "canary",
        "Via": "canary",
        "Access-Control-Allow-Origin": "*",
        "Strict-Transport-Security": "max-age=1",
        "x-llmproxy-llm": "canary",
        "x-ratelimit-remaining-requests": "59",
        "anthropic-ratelimit-tokens-limit": "7",
    }
    body, kind = (STREAM, "text/event-stream") if stream else (json.dumps(completion()), "application/json")
    up.post(CHAT_URL, body=body, content_type=kind, headers=head)
    headers = ask(client, stream=stream).headers
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert headers["anthropic-ratelimit-tokens-limit"] == "7"
    own = {"content-type", "content-length", "x-request-id", "x-accel-buffering", "cache-control"}
    others = {n.lower() for n, _ in headers if not n.lower().startswith(("x-llmproxy-", "x-rate", "anthropic-"))}
    assert others <= own
    assert "canary" not in str(headers)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", None])
def test_a_whole_answer_is_json_whatever_the_upstream_calls_it(client, ask, up, kind):
    up.post(CHAT_URL, body=json.dumps(completion()), content_type=kind)
    assert ask(client).content_type == "application/json"


@pytest.mark.parametrize("given", ["abc", "A-b_c.9", "x" * 128])
def test_a_request_id_that_fits_is_taken_over(client, ask, given):
    assert ask(client, model="echo", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a/b", "ä", "a,b", "{}", "a%0a"])
def test_any_other_request_id_is_replaced(client, ask, given):
    headers = ask(client, model="echo", headers={"x-request-id": given}).headers
    assert re.fullmatch(r"req-[0-9a-f]{24}", headers["x-request-id"])


def test_each_request_has_an_id_of_its_own(client, ask):
    assert len({ask(client, model="echo").headers["x-request-id"] for _ in range(20)}) == 20


def test_a_model_name_of_any_script_can_stand_in_a_header(client, ask, up):
    up.post(CHAT_URL, json=completion())
    assert ask(client, model="up/модель").headers["x-llmproxy-model"].isascii()


# Streams


def test_a_stream_is_relayed_as_it_came(client, ask, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    asked = {"stream_options": {"include_usage": True}}
    response = ask(client, stream=True, **asked)
    assert response.get_data() == STREAM
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 502, "upstream_truncated"),
        (b": ping\n\n", 502, "upstream_truncated"),
        (b"data: {nonsense\n\n", 502, "upstream_bad_response"),
        (b"data: [1]\n\n", 502, "upstream_bad_response"),
        (sse({"error": {"message": "x", "type": "server_error"}}), 502, "upstream_error"),
        (sse({"error": {"message": "x", "type": "rate_limit_error"}}), 429, "upstream_rate_limited"),
        (sse({"error": {"message": "x", "code": "overloaded"}}), 503, "upstream_overloaded"),
        (sse({"error": {"message": "x", "code": "insufficient_quota"}}), 503, "upstream_quota_exhausted"),
    ],
)
def test_a_stream_that_fails_before_its_first_event_has_a_status(client, ask, up, body, status, code):
    up.post(CHAT_URL, body=body, content_type="text/event-stream")
    response = ask(client, stream=True)
    assert (response.status_code, response.json["error"]["code"]) == (status, code)


@pytest.fixture
def real(make_app, server):
    """Calls an application whose upstream is the scripted server."""
    return make_app(upstream(base_url=server.url)).test_client()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
ENDLESS = HEAD + b"Content-Length: 99999\r\n\r\n"


def test_a_stream_that_breaks_ends_with_an_error_event(real, ask, server):
    said = sse(chunk({"content": "one"}))
    server.answers(ENDLESS, said + b'data: {"half')
    body = ask(real, stream=True).get_data()
    assert body.startswith(said)
    last = json.loads(body.removeprefix(said).removeprefix(b"data: "))
    assert last["error"]["code"] == "upstream_stream_reset"
    assert b"[DONE]" not in body
    assert b"half" not in body


def test_a_stream_that_ends_too_early_ends_with_an_error_event(real, ask, server):
    server.answers(HEAD + b"\r\n", sse(chunk({"content": "one"})))
    body = ask(real, stream=True).get_data()
    assert b"upstream_stream_truncated" in body
    assert b"[DONE]" not in body


def test_a_stream_that_has_finished_gets_the_last_line_it_owes(client, ask, up):
    said = sse(chunk({"content": "one"}), chunk({}, "stop"))
    up.post(CHAT_URL, body=said, content_type="text/event-stream")
    assert ask(client, stream=True).get_data() == said + b"data: [DONE]\n\n"


def test_an_error_within_a_stream_is_relayed_as_it_came(client, ask, up, logged):
    said = sse(chunk({"content": "one"}), {"error": {"message": "x", "type": "server_error"}})
    up.post(CHAT_URL, body=said, content_type="text/event-stream")
    assert ask(client, stream=True).get_data() == said
    assert logged.requests[-1]["error"] == "upstream_stream_error"


def test_a_whole_answer_that_is_cut_has_a_status(real, ask, server):
    server.answers(http(b'{"choices": [').replace(b"Content-Length: 13", b"Content-Length: 500"))
    response = ask(real)
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_truncated")


def test_nothing_is_answered_before_the_first_event(real, server):
    order = []
    server.answers(HEAD + b"\r\n", b": ping\n\n", 0.1, lambda: order.append("first event"), STREAM)
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    environ = EnvironBuilder("/v1/chat/completions", method="POST", json=body).get_environ()
    environ["REMOTE_ADDR"] = "127.0.0.1"
    real.application(environ, lambda *head: order.append(head[0])).close()
    assert order == ["first event", "200 OK"]


def test_events_leave_one_by_one(real, server):
    first, rest = sse(chunk({"content": "one"})), sse(chunk({"content": "two"}, "stop"), "[DONE]")
    server.answers(HEAD + b"\r\n", first, 0.3, rest)
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    with real.post("/v1/chat/completions", json=body, buffered=False) as response:
        pieces = list(response.iter_encoded())
    assert pieces == [first, rest]


def test_a_request_finishes_when_its_answer_is_closed(client, up, logged):
    up.post(CHAT_URL, json=completion())
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}]}
    response = client.post("/v1/chat/completions", json=body, buffered=False)
    response.get_data()
    assert logged.requests == []
    response.close()
    assert [facts["outcome"] for facts in logged.requests] == ["settled"]


def test_a_client_that_leaves_is_logged_as_gone(real, server, logged):
    server.answers(HEAD + b"\r\n", sse(chunk({"content": "one"})), 2, STREAM)
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    response = real.post("/v1/chat/completions", json=body, buffered=False)
    next(response.iter_encoded())
    response.close()
    assert [(facts["status"], facts["outcome"]) for facts in logged.requests] == [(499, "partial")]


@pytest.mark.parametrize("folded", [b"x-ratelimit-a: 1\r\n x-evil: 2\r\n", b"x-ratelimit-a: 1\x00\r\n"])
def test_a_header_that_would_break_ours_does_not_pass(real, ask, server, folded):
    body = json.dumps(completion()).encode()
    server.answers(http(body).replace(b"Connection: close\r\n", b"Connection: close\r\n" + folded))
    response = ask(real)
    assert response.status_code in (200, 502)
    assert "x-ratelimit-a" not in response.headers


def test_a_server_that_takes_no_head_lets_the_upstream_go(real, server, logged):
    server.answers(HEAD + b"\r\n", sse(chunk({"content": "one"})), 2, STREAM)
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    environ = EnvironBuilder("/v1/chat/completions", method="POST", json=body).get_environ()
    environ["REMOTE_ADDR"] = "127.0.0.1"

    def refuse(*head):
        raise ValueError("a header the server does not like")

    with pytest.raises(ValueError, match="does not like"):
        real.application(environ, refuse)
    assert len(logged.requests) == 1


@pytest.mark.parametrize("code", ["x" * 65, "", "a b", "a\nb", "é", "\ud800"])
def test_a_code_of_the_upstreams_that_no_header_should_hold_stays_in_the_body(client, ask, up, code):
    up.post(CHAT_URL, status=400, json={"error": {"message": "no", "code": code}})
    response = ask(client)
    assert response.json["error"]["code"] == code
    assert response.headers["x-llmproxy-error"] == "upstream_rejected"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"retry-after-ms": "1500"}, "2"),
        ({"retry-after-ms": "x", "Retry-After": "5"}, "5"),
        ({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, "60"),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, "1"),
        ({}, "1"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_may_be_said_in_other_ways(client, ask, up, status, headers, said):
    up.post(CHAT_URL, status=status, headers=headers)
    assert ask(client).headers["Retry-After"] == said


def test_many_at_once_get_their_own_answers(make_app, serve):
    port = serve(make_app())

    def say(number):
        body = {"model": "echo", "messages": [{"role": "user", "content": f"number {number}"}]}
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, json=body, headers={"x-request-id": f"r{number}"}, timeout=10)
        return answer.headers["x-request-id"], answer.json()["choices"][0]["message"]["content"]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(say, range(64))) == [(f"r{number}", f"number {number}") for number in range(64)]


def test_an_event_reaches_a_real_client_before_the_next_is_there(make_app, serve, server):
    first, rest = sse(chunk({"content": "one"})), sse(chunk({"content": "two"}, "stop"), "[DONE]")
    order = []
    server.answers(HEAD + b"\r\n", first, 0.3, lambda: order.append("second sent"), rest)
    port = serve(make_app(upstream(base_url=server.url)))
    body = {"model": "up/m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    connection = http_client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.read1(1000) == first
    order.append("first read")
    assert response.read() == rest
    connection.close()
    assert order == ["first read", "second sent"]
