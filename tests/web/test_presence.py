"""Clients that leave and deadlines that pass, on real sockets: the upstream is let go at once."""

import http.client
import json
import socket
import threading
import time

import pytest
from fakes import chunk, completion, sse, upstream
from gunicorns import gunicorn
from processes import wait_for
from transport.conftest import READ, Upstream
from werkzeug.test import EnvironBuilder

from llmproxy.web import presence

CHAT = "/v1/chat/completions"
SOON_SECS = 5
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
EVENT = sse(chunk({"content": "one"}))
USAGE = {**chunk({}, "stop"), "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}
DRIBBLE = [step for _ in range(100) for step in (b"X-A: b\r\n", lambda: time.sleep(0.05))]


def body(stream=True):
    return json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}).encode()


def begin(port, stream=True):
    """A client's socket, its request sent."""
    client = socket.create_connection(("127.0.0.1", port))
    content = body(stream)
    fields = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    client.sendall(f"POST {CHAT} HTTP/1.1\r\n{fields}\r\n\r\n".encode() + content)
    return client


PHASES = {
    "before the head": ([], True),
    "before the head of a whole answer": ([], False),
    "in a silent stream": ([HEAD, EVENT], True),
    "in a flowing stream": ([HEAD, *([EVENT, lambda: time.sleep(0.01)] * 300)], True),
}


def leave(port, play_upstream, steps, stream):
    """Asks, waits until the upstream is at it, and goes."""
    with begin(port, stream) as client:
        assert play_upstream.asked.wait(SOON_SECS)
        seen = b""
        while steps and b"one" not in seen:
            seen += client.recv(4096)
        time.sleep(0.1)
    return time.monotonic()


@pytest.mark.parametrize("phase", PHASES)
def test_a_client_that_leaves_lets_the_upstream_go(make_app, serve, play, logged, phase):
    steps, stream = PHASES[phase]
    up = play(*steps)
    left_at = leave(serve(make_app(upstream(base_url=up.url))), up, steps, stream)
    assert up.left.wait(SOON_SECS)
    assert time.monotonic() - left_at < 1
    for _ in range(100):
        if logged.requests:
            break
        time.sleep(0.02)
    assert [(facts["status"], facts["error"]) for facts in logged.requests] == [(499, "client_gone")]


@pytest.mark.parametrize("phase", PHASES)
def test_a_client_that_leaves_gunicorn_lets_the_upstream_go(play, tmp_path, phase):
    steps, stream = PHASES[phase]
    up = play(*steps)
    config = tmp_path / "llmproxy.toml"
    config.write_text(f"[llm.up]\nprovider = 'openai'\nbase_url = '{up.url}'\n", encoding="utf-8")
    with gunicorn(config, "--threads", "4", log=tmp_path / "log") as port:
        leave(port, up, steps, stream)
        assert up.left.wait(SOON_SECS)
    assert "client_gone" in (tmp_path / "log").read_text(encoding="utf-8")


def post(port, stream=False, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", CHAT, body(stream), {"Content-Type": "application/json", **names})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


@pytest.mark.parametrize("steps", [[], DRIBBLE], ids=["silence", "a dribble"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_first_event_that_does_not_come_in_time_is_a_timeout(make_app, serve, play, steps, stream):
    up = play(*([b"HTTP/1.1 200 OK\r\n", *steps] if steps else []))
    port = serve(make_app(upstream(base_url=up.url, timeouts={"first_event_secs": 0.3})))
    status, text = post(port, stream)
    assert (status, json.loads(text)["error"]["code"]) == (504, "upstream_timeout")
    assert up.left.wait(SOON_SECS)


def test_pings_are_no_first_event(make_app, serve, play):
    up = play(HEAD, *([b": ping\n\n", lambda: time.sleep(0.05)] * 100))
    port = serve(make_app(upstream(base_url=up.url, timeouts={"first_event_secs": 0.3})))
    status, text = post(port, stream=True)
    assert (status, json.loads(text)["error"]["code"]) == (504, "upstream_timeout")


def test_a_stream_that_has_begun_has_all_the_time_of_its_attempt(make_app, serve, play):
    up = play(HEAD, EVENT, lambda: time.sleep(0.6), sse(chunk({}, "stop"), "[DONE]"))
    port = serve(make_app(upstream(base_url=up.url, timeouts={"first_event_secs": 0.3})))
    assert post(port, stream=True)[1].endswith("data: [DONE]\n\n")


def test_a_stream_that_never_ends_is_ended(make_app, serve, play):
    up = play(HEAD, *([EVENT, lambda: time.sleep(0.02)] * 300))
    port = serve(make_app(upstream(base_url=up.url, timeouts={"total_secs": 0.4})))
    status, text = post(port, stream=True)
    assert (status, "[DONE]" in text) == (200, False)
    assert '"code":"deadline_exceeded"' in text
    assert up.left.wait(SOON_SECS)


def test_the_whole_exchange_has_a_limit(make_app, serve, play):
    up = play()
    config = {**upstream(base_url=up.url), "server": {"request_timeout_secs": 0.3}}
    status, text = post(serve(make_app(config)))
    assert (status, json.loads(text)["error"]["code"]) == (504, "deadline_exceeded")


def test_a_client_may_wait_for_less(make_app, serve, play):
    up = play()
    status, text = post(serve(make_app(upstream(base_url=up.url))), x_llmproxy_timeout_ms="300")
    assert (status, json.loads(text)["error"]["code"]) == (504, "deadline_exceeded")


def test_a_client_may_not_wait_for_longer(make_app, serve, play):
    up = play()
    config = {**upstream(base_url=up.url), "server": {"request_timeout_secs": 0.3}}
    start = time.monotonic()
    assert post(serve(make_app(config)), x_llmproxy_timeout_ms="9" * 30)[0] == 504
    assert time.monotonic() - start < SOON_SECS


def finishing(up, **server):
    return {**upstream(base_url=up.url), "server": {"on_disconnect": "finish", **server}}


ENDED = [HEAD, EVENT, lambda: time.sleep(0.5), EVENT, sse(USAGE, "[DONE]")]
CONTENT = json.dumps(completion()).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT)
UNHURRIED = {
    "a stream": (ENDED, True),
    "a stream before its head": ([lambda: time.sleep(0.5), *ENDED], True),
    "a whole answer": ([lambda: time.sleep(0.5), WHOLE], False),
}


@pytest.mark.parametrize("answer", UNHURRIED)
def test_an_answer_may_be_read_on_for_its_usage_when_its_client_has_left(make_app, serve, play, logged, answer):
    steps, stream = UNHURRIED[answer]
    up = play(*steps)
    leave(serve(make_app(finishing(up))), up, steps if steps is ENDED else [], stream)
    assert eventually(lambda: logged.requests)
    facts = logged.requests[0]
    assert (facts["status"], facts["outcome"], facts["output_tokens"]) == (499, "settled", 7)


@pytest.mark.parametrize("limit", ["READ_ON_SECS", "READ_ON_BYTES"])
def test_an_answer_that_nobody_reads_is_not_read_on_for_ever(make_app, serve, play, logged, monkeypatch, limit):
    monkeypatch.setattr(presence, limit, 0.2)
    up = play(HEAD, *([EVENT, lambda: time.sleep(0.02)] * 300))
    leave(serve(make_app(finishing(up))), up, [HEAD], stream=True)
    assert up.left.wait(SOON_SECS)
    assert eventually(lambda: logged.requests)
    assert [(facts["status"], facts["outcome"]) for facts in logged.requests] == [(499, "partial")]


def eventually(condition):
    """Whether a condition becomes true soon."""
    end = time.monotonic() + SOON_SECS
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return bool(condition())


def test_a_client_that_does_not_read_is_dropped(make_app, serve, play, logged):
    big = sse(chunk({"content": "x" * 100_000}))
    up = play(HEAD, *([big] * 400))
    config = {**upstream(base_url=up.url), "server": {"write_secs": 0.3}}
    with begin(serve(make_app(config))):
        assert up.left.wait(SOON_SECS)
        assert eventually(lambda: logged.requests)
    assert [(facts["status"], facts["error"]) for facts in logged.requests] == [(499, "client_gone")]


def gone_from_waitress(app, play_upstream, stream):
    """Asks through waitress, which has no socket for the application, and goes."""
    waitress = pytest.importorskip("waitress", reason="waitress comes with the dev extra")
    server = waitress.create_server(app, host="127.0.0.1", port=0, channel_request_lookahead=1)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    left_at = leave(server.effective_port, play_upstream, [HEAD] if stream else [], True)
    return server, left_at


@pytest.mark.parametrize("steps", [[], [HEAD, EVENT]], ids=["before the head", "in a silent stream"])
def test_a_client_that_leaves_waitress_lets_the_upstream_go(make_app, play, steps):
    up = play(*steps)
    server, left_at = gone_from_waitress(make_app(upstream(base_url=up.url)), up, bool(steps))
    assert up.left.wait(SOON_SECS)
    assert time.monotonic() - left_at < SOON_SECS
    server.close()


def test_a_client_that_leaves_an_unknown_server_is_noticed_by_a_keepalive(make_app, play):
    up = play()
    app = make_app({**upstream(base_url=up.url), "server": {"keepalive_secs": 0.1}})

    def write(_):
        raise BrokenPipeError

    environ = EnvironBuilder(CHAT, method="POST", data=body(), content_type="application/json").get_environ()
    environ["REMOTE_ADDR"] = "127.0.0.1"
    answer = app(environ, lambda *_: write)
    assert up.left.wait(SOON_SECS)
    answer.close()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "", "1e3"])
def test_a_limit_that_is_none_is_refused(client, ask, value):
    response = ask(client, headers={"x-llmproxy-timeout-ms": value})
    assert (response.status_code, response.json["error"]["param"]) == (400, "x-llmproxy-timeout-ms")


def test_a_request_that_is_over_is_not_watched_any_more(make_app, serve, play, monkeypatch):
    up = Upstream([[READ, WHOLE]])
    port = serve(make_app(upstream(base_url=up.url)))
    before = threading.active_count()
    assert post(port)[0] == 200
    assert wait_for(lambda: threading.active_count() <= before + 1, 2)
    up.close()
