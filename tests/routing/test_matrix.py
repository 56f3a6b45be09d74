"""Rows of RELIABILITY's fault matrix that are about which attempts are made: the real parts, a mocked network."""

import socket
import threading

import pytest
import requests
import responses
from fakes import CHAT_URL, STREAM, chunk, completion, http, sse, upstream

from llmproxy import create_app
from llmproxy.core.cancel import Cancellation

SPARE_URL = "https://spare.example/v1/chat/completions"
SPARE = {"provider": "openai", "base_url": "https://spare.example/v1", "token_env": "SPARE_KEY", "max_retries": 0}
ENV = {"SPARE_KEY": "spare-token"}
TOO_LONG = [
    {"error": {"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}},
    {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}},
    {"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}},
    {"error": {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000."}},
]


@pytest.fixture
def slept(monkeypatch):
    """The pauses between attempts, which are not waited for."""
    pauses = []
    monkeypatch.setattr(Cancellation, "wait", lambda self, seconds: pauses.append(seconds))
    return pauses


@pytest.fixture
def one(make_app):
    """Calls a proxy with one upstream."""
    return make_app().test_client()


@pytest.fixture
def two(make_app):
    """Makes a client of a proxy whose model `smart` has two targets, at `up` and at `spare`."""

    def make(up=None, **model):
        llms = {**upstream(**{"max_retries": 0, **(up or {})})["llm"], "spare": SPARE}
        targets = {"targets": ["up/m", "spare/n"], **model}
        return make_app({"llm": llms, "model": {"smart": targets}}, ENV).test_client()

    return make


def asked(up):
    """How often the first upstream was asked, and the second."""
    urls = [call.request.url for call in up.calls]
    return urls.count(CHAT_URL), urls.count(SPARE_URL)


def code(response):
    return response.headers.get("x-llmproxy-error")


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_A1_a_refused_connection_is_tried_once_more(one, ask, up, slept):
    up.post(CHAT_URL, body=requests.ConnectionError("refused"))
    response = ask(one)
    assert (response.status_code, code(response)) == (502, "upstream_unavailable")
    assert response.headers["x-llmproxy-attempts"] == "2"


def test_A1_a_closed_port_leads_to_the_next_target(make_app, ask, up, slept):
    llms = {"up": {"provider": "openai", "base_url": f"http://127.0.0.1:{closed_port()}/v1"}, "spare": SPARE}
    client = make_app({"llm": llms, "model": {"smart": {"targets": ["up/m", "spare/n"]}}}, ENV).test_client()
    up.add_passthru("http://127.0.0.1")
    up.post(SPARE_URL, json=completion())
    response = ask(client, model="smart")
    assert (response.status_code, response.headers["x-llmproxy-attempts"]) == (200, "3")


def test_A6_a_connect_timeout_is_tried_once_more(one, ask, up, slept):
    up.post(CHAT_URL, body=requests.ConnectTimeout("late"))
    response = ask(one)
    assert (response.status_code, code(response)) == (504, "upstream_timeout")
    assert len(up.calls) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_A7_a_connection_that_closes_without_a_byte_is_not_tried_again(two, ask, server, stream):
    server.answers(b"")
    client = two({"base_url": server.url, "max_retries": 3})
    response = ask(client, model="smart", stream=stream)
    assert (response.status_code, code(response)) == (502, "upstream_reset")
    assert len(server.requests) == 1


class Forgetful:
    """An upstream that answers the first request of each connection and closes it at the second."""

    def __init__(self):
        self.asked = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                self._read(stream)
                connection.sendall(http(b'{"choices": []}').replace(b"Connection: close\r\n", b""))
                self._read(stream)

    def _read(self, stream):
        length = 0
        while line := stream.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if stream.read(length):
            self.asked.append(length)


@pytest.fixture
def forgetful():
    server = Forgetful()
    yield server
    server.close()


@pytest.mark.parametrize(("wanted", "status", "attempts"), [(False, 502, "1"), (True, 200, "2")])
def test_A8_a_stale_connection_is_worth_one_retry_only_where_that_is_wanted(
    load, ask, forgetful, slept, wanted, status, attempts
):
    llms = upstream(base_url=forgetful.url, retry_on_stale_reuse=wanted)
    client = create_app(load(llms, {"UP_KEY": "k"})).test_client()
    assert ask(client).status_code == 200
    response = ask(client)
    assert (response.status_code, response.headers["x-llmproxy-attempts"]) == (status, attempts)
    assert len(forgetful.asked) == 1 + int(attempts)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_B1_a_request_at_fault_is_asked_once_and_nowhere_else(two, ask, up, status):
    up.post(CHAT_URL, status=status, json={"error": {"message": "no", "type": "invalid_request_error"}})
    assert ask(two({"max_retries": 3}), model="smart").status_code == status
    assert asked(up) == (1, 0)


@pytest.mark.parametrize("body", TOO_LONG)
def test_B1_a_prompt_that_is_too_long_goes_where_the_model_says(two, ask, up, body):
    up.post(CHAT_URL, status=400, json=body)
    up.post(SPARE_URL, json=completion())
    assert ask(two(targets=["up/m"]), model="smart").status_code == 400
    response = ask(two(targets=["up/m"], fallback_on_context_length="spare/long"), model="smart")
    assert (response.status_code, response.headers["x-llmproxy-model"]) == (200, "long")


@pytest.mark.parametrize("status", [401, 403])
def test_B2_a_refused_token_is_not_tried_again_and_another_target_is(two, ask, up, status):
    up.post(CHAT_URL, status=status, json={"error": {"message": "bad key"}})
    up.post(SPARE_URL, json=completion())
    response = ask(two({"max_retries": 3}), model="smart")
    assert (response.status_code, response.headers["x-llmproxy-llm"]) == (200, "spare")
    assert asked(up) == (1, 1)


def test_B2_of_two_tokens_the_refused_one_sits_out(make_app, ask, up):
    tokens = {"A_KEY": "token-a", "B_KEY": "token-b"}
    bad, good = (responses.matchers.header_matcher({"Authorization": f"Bearer {token}"}) for token in tokens.values())
    up.post(CHAT_URL, json=completion(), match=[good])
    up.post(CHAT_URL, status=401, json={"error": {"message": "bad key token-a"}}, match=[bad])
    client = make_app(upstream(token_env=list(tokens)), tokens).test_client()
    assert [ask(client).status_code for _ in range(4)] == [200] * 4
    sent = [call.request.headers["Authorization"] for call in up.calls]
    assert sent.count("Bearer token-a") == 1


def test_B2_where_every_token_is_refused_it_is_said_and_no_token_is(make_app, ask, up, logged):
    tokens = {"A_KEY": "token-a", "B_KEY": "token-b"}
    up.post(CHAT_URL, status=401, json={"error": {"message": "bad key token-a token-b"}})
    response = ask(make_app(upstream(token_env=list(tokens)), tokens).test_client())
    assert (response.status_code, code(response)) == (502, "upstream_auth_failed")
    assert response.headers["x-llmproxy-attempts"] == "2"
    assert "token-" not in f"{response.text} {response.headers} {logged.requests}"


def test_B4_a_short_retry_after_is_waited_for(one, ask, up, slept):
    up.post(CHAT_URL, status=429, headers={"Retry-After": "1"})
    ask(one)
    assert slept == [1]


def test_B4_a_long_retry_after_goes_to_the_next_target_and_else_to_the_client(two, ask, up, slept):
    up.post(CHAT_URL, status=429, headers={"Retry-After": "7"})
    up.post(SPARE_URL, json=completion())
    client = two({"max_retries": 3})
    assert ask(client, model="smart").status_code == 200
    response = ask(client, model="up/m")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.headers["x-llmproxy-attempts"] == "0"  # the pause is known: nothing was sent
    assert (slept, asked(up)) == ([], (1, 1))


def test_B4_a_herd_of_fifty_threads_stops_at_the_first_429(one, ask, up, make_app):
    app = make_app()
    up.post(CHAT_URL, status=429, headers={"Retry-After": "5"})
    said = []
    threads = [threading.Thread(target=lambda: said.append(ask(app.test_client()).status_code)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = len(up.calls)
    assert (said, sent <= 50) == ([429] * 50, True)
    ask(app.test_client())
    assert len(up.calls) == sent


@pytest.mark.parametrize("value", ["-5", "nan", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", ""])
def test_B5_a_retry_after_that_makes_no_sense_is_none(one, ask, up, slept, value):
    up.post(CHAT_URL, status=429, headers={"Retry-After": value})
    assert ask(one).status_code == 429
    assert (len(up.calls), slept) == (1, [])


def test_B6_an_empty_quota_is_not_tried_again_and_another_target_is(two, ask, up):
    up.post(CHAT_URL, status=429, json={"error": {"message": "no money", "code": "insufficient_quota"}})
    up.post(SPARE_URL, json=completion())
    client = two({"max_retries": 3})
    assert ask(client, model="smart").status_code == 200
    assert asked(up) == (1, 1)
    response = ask(client, model="up/m")
    assert (response.status_code, response.headers["x-should-retry"]) == (503, "false")


@pytest.mark.parametrize(("row", "status", "told"), [("B7", 500, 502), ("B8", 502, 502), ("B8", 504, 504)])
def test_B7_and_B8_a_failure_that_may_have_cost_is_asked_once(two, ask, up, row, status, told):
    up.post(CHAT_URL, status=status, body="<html>", content_type="text/html")
    response = ask(two({"max_retries": 3}), model="smart")
    assert (response.status_code, response.headers["x-should-retry"]) == (told, "false")
    assert asked(up) == (1, 0)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_B7_and_B8_another_target_is_asked_only_where_paying_twice_is_accepted(two, ask, up, logged, status):
    up.post(CHAT_URL, status=status)
    up.post(SPARE_URL, json=completion())
    response = ask(two(fallback_on_ambiguous=True), model="smart")
    assert (response.status_code, asked(up)) == (200, (1, 1))
    [facts] = logged.requests
    assert facts["tried"][1] == "spare/n: answered"


@pytest.mark.parametrize("status", [503, 529])
def test_B9_an_overloaded_provider_is_asked_once_more(one, ask, up, status):
    up.post(CHAT_URL, status=status, headers={"retry-after-ms": "50"})
    up.post(CHAT_URL, json=completion())
    response = ask(one)
    assert (response.status_code, response.headers["x-llmproxy-attempts"]) == (200, "2")


def test_B9_one_that_stays_overloaded_is_left_to_the_next_target(two, ask, up, slept):
    up.post(CHAT_URL, status=503)
    up.post(SPARE_URL, json=completion())
    assert ask(two({"max_retries": 1}), model="smart").headers["x-llmproxy-attempts"] == "3"
    assert asked(up) == (2, 1)


def test_B9_the_retry_budget_is_not_exceeded(one, ask, up, slept):
    up.post(CHAT_URL, status=503)
    for _ in range(9):  # with a tenth the circuit would open
        ask(one)
    assert len(up.calls) <= 18


def test_D4_a_stream_that_stalls_before_its_first_event_may_still_fall_back(two, ask, server, up):
    stalled = server.answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", 2.0)
    up.add_passthru("http://127.0.0.1")
    up.post(SPARE_URL, body=STREAM, content_type="text/event-stream")
    patience = {"base_url": stalled.url, "timeouts": {"first_event_secs": 0.2, "idle_secs": 0.2}}
    response = ask(two(patience), model="smart", stream=True)
    assert (response.status_code, code(response)) == (504, "upstream_timeout")
    response = ask(two(patience, fallback_on_ambiguous=True), model="smart", stream=True)
    assert (response.status_code, b"[DONE]" in response.data) == (200, True)


@pytest.mark.parametrize("kind", ["overloaded_error", "rate_limit_error"])
def test_D10_an_error_as_the_first_event_may_fall_back(two, ask, up, kind):
    up.post(CHAT_URL, body=sse({"error": {"message": "no", "type": kind}}), content_type="text/event-stream")
    up.post(SPARE_URL, body=STREAM, content_type="text/event-stream")
    response = ask(two(), model="smart", stream=True)
    assert (response.status_code, response.headers["x-llmproxy-llm"]) == (200, "spare")


def test_D10_an_error_after_the_first_event_does_not(two, ask, up):
    body = sse(chunk({"content": "a"}), {"error": {"message": "no", "type": "overloaded_error"}})
    up.post(CHAT_URL, body=body, content_type="text/event-stream")
    response = ask(two(), model="smart", stream=True)
    assert (response.status_code, response.headers["x-llmproxy-attempts"]) == (200, "1")
    assert asked(up) == (1, 0)
