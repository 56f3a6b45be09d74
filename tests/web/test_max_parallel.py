"""An llm with a limit of its own, on real sockets."""

import http.client
import json
import threading

import pytest
from fakes import upstream
from processes import wait_for

from llmproxy.testing import FaultUpstream

CHAT = "/v1/chat/completions"


@pytest.fixture
def up():
    with FaultUpstream() as running:
        yield running


def post(port, path=CHAT, model="up/m", stream=False):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@pytest.fixture
def busy(make_app, serve, up):
    """The port of a proxy whose only llm is answering as many requests as it may; another llm is spare."""
    tables = upstream(base_url=up.url, max_parallel=1)
    tables["llm"]["spare"] = {"provider": "openai", "base_url": f"{up.origin}/@ok/v1", "token_env": "UP_KEY"}
    port = serve(make_app({**tables, "model": {"smart": {"targets": ["up/m", "spare/m"]}}}))
    up.play("slow_headers", seconds=3)
    first = threading.Thread(target=post, args=(port,))
    first.start()
    assert up.wait_for(lambda up: up.requests)
    yield port
    first.join()


@pytest.mark.parametrize("stream", [False, True])
def test_one_too_many_is_refused_at_once(busy, up, stream):
    response, content = post(busy, stream=stream)
    assert (response.status, json.loads(content)["error"]["code"]) == (503, "overloaded")
    assert (response.headers["retry-after"], response.headers["x-llmproxy-attempts"]) == ("1", "0")
    assert len(up.requests) == 1


def test_another_target_takes_over(busy):
    response, _ = post(busy, model="smart")
    assert (response.status, response.headers["x-llmproxy-llm"]) == (200, "spare")


def test_what_is_passed_through_counts(busy):
    response, _ = post(busy, path="/passthrough/up/chat/completions")
    assert response.status == 503


@pytest.mark.parametrize("fault", ["ok", "status", "close_midway", "error_event_first"])
def test_a_place_is_given_back_however_a_request_ends(make_app, serve, up, fault):
    port = serve(make_app(upstream(base_url=up.url, max_parallel=1)))
    up.play(fault).then("ok")
    post(port, stream=True)
    assert wait_for(lambda: post(port)[0].status == 200, 2)  # it is given back after the last byte has left
