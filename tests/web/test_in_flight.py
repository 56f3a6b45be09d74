import http.client
import json
import threading
import time

import pytest
from fakes import CHAT_URL, completion, upstream

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import Overloaded
from llmproxy.testing import FaultUpstream
from llmproxy.web import blueprint, respond
from llmproxy.web.in_flight import InFlight, room_of

SOON_SECS = 5


@pytest.fixture
def table(monkeypatch):
    """A table of this test's own in the place of the process's."""
    table = InFlight()
    monkeypatch.setattr(respond, "IN_FLIGHT", table)
    monkeypatch.setattr(blueprint, "IN_FLIGHT", table)
    return table


@pytest.mark.parametrize(("threads", "room"), [(64, 62), (8, 6), (600, 584), (100, 97), (2, 1), (1, 1)])
def test_some_threads_are_left_for_what_must_be_quick(threads, room):
    assert room_of(threads) == room


def test_until_it_is_known_how_many_threads_there_are_all_may_enter():
    table = InFlight()
    for _ in range(1000):
        table.enter(RequestContext())
    assert len(table) == 1000


def test_one_too_many_is_refused_and_may_enter_when_another_has_finished():
    table = InFlight()
    table.set_threads(4)
    contexts = [RequestContext() for _ in range(3)]
    for context in contexts[:2]:
        table.enter(context)
    with pytest.raises(Overloaded) as refused:
        table.enter(contexts[2])
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (503, "overloaded", 1)
    contexts[0].finish()
    table.enter(contexts[2])


def test_two_requests_of_one_id_take_two_places():
    table = InFlight()
    table.enter(RequestContext(id="same"))
    table.enter(RequestContext(id="same"))
    assert len(table) == 2


def test_nobody_enters_while_it_drains():
    table = InFlight()
    table.drain(60)
    with pytest.raises(Overloaded) as refused:
        table.enter(RequestContext())
    assert refused.value.code == "server_shutdown"


def test_what_is_left_after_the_drain_is_cancelled():
    table, context = InFlight(), RequestContext()
    table.enter(context)
    cancelled = threading.Event()
    context.cancellation.on_cancel(cancelled.set)
    table.drain(0.05)
    assert cancelled.wait(SOON_SECS)
    assert context.cancellation.reason.code == "server_shutdown"


def test_a_refusal_is_in_the_clients_dialect(client, ask, table):
    table.set_threads(2)
    table.enter(RequestContext())
    answer = ask(client)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "overloaded")
    assert (answer.headers["Retry-After"], answer.headers["x-should-retry"]) == ("1", "true")
    answer = ask(client, "/v1/messages", max_tokens=5)
    assert (answer.status_code, answer.json["error"]["type"]) == (529, "overloaded_error")


def test_every_place_is_given_back(make_app, ask, table, up):
    client = make_app().test_client()
    up.post(CHAT_URL, json=completion())
    up.post(CHAT_URL, status=500)
    for body in ({}, {}, {"stream": True}, {"model": "nobody"}, {"messages": 5}):
        ask(client, **body)
    assert len(table) == 0


def test_readyz_says_when_no_more_work_is_welcome(client, table):
    assert client.get("/readyz").status_code == 200
    table.drain(60)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "server_shutdown")
    assert client.get("/livez").status_code == 200


def test_health_checks_need_no_place(client, table):
    table.set_threads(2)
    table.enter(RequestContext())
    assert (client.get("/livez").status_code, client.get("/v1/models").status_code) == (200, 200)


def test_a_stream_that_is_left_when_the_process_stops_ends_with_an_error(make_app, serve, table):
    with FaultUpstream() as up:
        up.play("stall_midway")
        port = serve(make_app(upstream(base_url=up.url)))
        got = []
        reader = threading.Thread(target=lambda: got.append(stream(port)))
        reader.start()
        assert up.wait_for(lambda up: up.requests and up.requests[-1].sent > 100)
        time.sleep(0.1)
        table.drain(0.1)
        reader.join(SOON_SECS)
        assert up.wait_for(lambda up: up.open_requests == 0)
    assert b'"code":"server_shutdown"' in got[0]
    assert b"[DONE]" not in got[0]


def stream(port):
    """All that a streamed chat says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    content = connection.getresponse().read()
    connection.close()
    return content
