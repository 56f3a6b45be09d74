"""What a client hears while its model thinks, on real sockets."""

import http.client
import json
import shutil
import time

import pytest
from fakes import chunk, sse, upstream
from matrix.certificates import Certificates

from llmproxy.testing import FaultUpstream

CHAT = "/v1/chat/completions"
SILENCE_SECS = 0.1
LONG = 0.5
KEEPALIVE = b": keepalive\n\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
EVENT = sse(chunk({"content": "one"}))
END = sse(chunk({}, "stop"), "[DONE]")

OPENAI = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
DIALECTS = {
    "openai.chat": (CHAT, OPENAI, KEEPALIVE),
    "openai.responses": ("/v1/responses", {"model": "up/m", "input": "hi", "stream": True}, KEEPALIVE),
    "anthropic.messages": ("/v1/messages", {**OPENAI, "max_tokens": 9}, b'event: ping\ndata: {"type": "ping"}\n\n'),
    "gemini.generate": ("/v1beta/models/up/m:streamGenerateContent?alt=sse", CONTENTS, KEEPALIVE),
    "gemini.generate.array": ("/v1beta/models/up/m:streamGenerateContent", CONTENTS, b" "),
    "ollama.chat": ("/api/chat", OPENAI, b'"message":{"role":"assistant","content":""},"done":false}\n'),
}


@pytest.fixture
def up():
    with FaultUpstream() as running:
        yield running


@pytest.fixture
def proxy(make_app, serve):
    """The port of a proxy that speaks after a silence, unless the test says otherwise."""

    def start(url, keepalive_secs=SILENCE_SECS, models=None, **keys):
        server = {"keepalive_secs": keepalive_secs}
        return serve(make_app({**upstream(base_url=url, **keys), "server": server, "model": models or {}}))

    return start


def post(port, path=CHAT, body=OPENAI):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", "Connection": "close"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_client_hears_something_before_its_upstream_says_a_word(proxy, up, dialect):
    path, body, keepalive = DIALECTS[dialect]
    up.play("slow_headers", seconds=LONG)
    response, content = post(proxy(up.url), path, body)
    assert (response.status, response.headers["x-accel-buffering"]) == (200, "no")
    said = content[: content.index(b"one ")]
    assert said.count(keepalive) >= 2
    assert b"two" in content


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failure_after_a_keepalive_is_an_event(proxy, up, dialect, logged):
    path, body, keepalive = DIALECTS[dialect]
    up.play("slow_headers", seconds=LONG)
    response, content = post(proxy(up.url, timeouts={"first_event_secs": 0.3}), path, body)
    assert (response.status, content.count(keepalive) >= 1) == (200, True)
    assert b"did not answer in time (phase: first_event)" in content
    assert (b"[DONE]" in content, b"message_stop" in content, b'"done":true' in content) == (False, False, False)
    assert [(facts["status"], facts["error"]) for facts in logged.requests] == [(200, "upstream_timeout")]


def test_an_array_in_which_nothing_was_said_but_an_error_is_an_array(proxy, up):
    path, body, _ = DIALECTS["gemini.generate.array"]
    up.play("slow_headers", seconds=LONG)
    _, content = post(proxy(up.url, timeouts={"first_event_secs": 0.3}), path, body)
    assert [element["error"]["code"] for element in json.loads(content)] == [504]


def test_another_target_may_answer_after_keepalives(proxy, up):
    up.play("status", code=503, seconds=LONG).then("ok")
    models = {"smart": {"targets": ["up/a", "up/b"]}}
    response, content = post(proxy(up.url, models=models, max_retries=0), body={**OPENAI, "model": "smart"})
    assert (response.status, content.startswith(KEEPALIVE), content.endswith(b"[DONE]\n\n")) == (200, True, True)
    assert [request.json()["model"] for request in up.requests] == ["a", "b"]


def test_a_client_hears_something_while_we_wait_to_try_again(proxy, up):
    up.play("rate_limited", retry_after="1").then("ok")
    response, content = post(proxy(up.url, keepalive_secs=0.3))
    assert (response.status, content.startswith(KEEPALIVE), content.endswith(b"[DONE]\n\n")) == (200, True, True)


def test_without_keepalives_the_status_waits_for_the_first_event(proxy, up):
    up.play("slow_headers", seconds=LONG)
    response, content = post(proxy(up.url, keepalive_secs=0, timeouts={"first_event_secs": 0.3}))
    assert (response.status, json.loads(content)["error"]["code"]) == (504, "upstream_timeout")


def test_a_failure_before_the_first_keepalive_has_its_own_status(proxy, up):
    up.play("status", code=500)
    assert post(proxy(up.url))[0].status == 502


def test_a_whole_answer_has_no_keepalives(proxy, up):
    up.play("slow_headers", seconds=LONG)
    response, content = post(proxy(up.url), body={**OPENAI, "stream": False})
    assert (response.status, json.loads(content)["choices"][0]["message"]["content"]) == (200, "one two")


def pause():
    time.sleep(LONG)


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


LATE = chunked(EVENT)[:-2], pause, b"\r\n" + chunked(END) + b"0\r\n\r\n"
FRAMINGS = {
    "chunked": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunked(EVENT), pause, chunked(END) + b"0\r\n\r\n"),
    "a chunk whose end comes late": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *LATE),
    "a chunk whose size comes in two pieces": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        chunked(EVENT) + b"%x" % len(END),
        pause,
        b"\r\n" + END + b"\r\n0\r\n\r\n",
    ),
    "Content-Length": (HEAD + b"Content-Length: %d\r\n\r\n" % len(EVENT + END), EVENT, pause, END),
    "until the end": (HEAD + b"Connection: close\r\n\r\n", EVENT, pause, END),
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_client_hears_something_in_a_silent_stream(proxy, play, framing):
    _, content = post(proxy(play(*FRAMINGS[framing]).url))
    first, *keepalives, last = content.split(KEEPALIVE)
    assert (first, len(keepalives) >= 2, last.lstrip(b": keepalive\n")) == (EVENT, True, END)


def test_the_silence_begins_with_what_was_sent_last(proxy, play):
    steps = [EVENT, lambda: time.sleep(SILENCE_SECS)] * 6
    up = play(HEAD + b"Connection: close\r\n\r\n", *steps, END)
    _, content = post(proxy(up.url, keepalive_secs=3 * SILENCE_SECS))
    assert (content.count(EVENT), KEEPALIVE in content) == (6, False)


def test_a_keepalive_is_never_within_an_event(proxy, play):
    up = play(HEAD + b"Connection: close\r\n\r\n", EVENT[:10], pause, EVENT[10:], END)
    _, content = post(proxy(up.url))
    assert content.replace(KEEPALIVE, b"") == EVENT + END
    assert content.endswith(EVENT + END)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate of an upstream that serves TLS")
@pytest.mark.parametrize("fault", ["slow_headers", "stall_midway"])
def test_a_client_hears_something_over_tls(proxy, tmp_path, fault):
    certificates = Certificates(tmp_path)
    with FaultUpstream(tls=certificates.context("good")) as up:
        up.play(fault)
        timeouts = {"first_event_secs": LONG, "idle_secs": LONG}
        _, content = post(proxy(up.url, ca_file=str(certificates.authority), timeouts=timeouts))
    assert content.count(KEEPALIVE) >= 2
    assert (b"(phase: first_event)" in content, b"(phase: idle)" in content) == (
        fault == "slow_headers",
        fault == "stall_midway",
    )
