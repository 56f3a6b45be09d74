"""Section E: a client that takes nothing, and more clients than there is room for."""

import http.client
import json
import socket

import pytest

from llmproxy.testing import FaultUpstream
from matrix.conftest import MESSAGES, THREADS, Row, is_error, proxy, soon, warm

ROOM = THREADS - 2
HURRIED = """
[server]
log_format = "json"
threads = {threads}
write_secs = 1

[client.tester]
token_env = "TESTER_KEY"

[llm.up]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
reuse_connections = false
"""


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """An upstream, and a proxy that does not wait long for its clients."""
    with FaultUpstream() as upstream:
        config = HURRIED.format(threads=THREADS, up=upstream.url)
        with proxy(config, tmp_path_factory.mktemp("hurried")) as worker:
            warm(Row(upstream, worker, "warm"), ROOM)
            yield upstream, worker


@pytest.mark.parametrize(("fault", "outcome"), [("firehose", "partial"), ("big_answer", "settled")])
def test_E3_a_client_that_reads_nothing_is_dropped(hurried, fault, outcome):
    upstream, worker = hurried
    row = Row(upstream, worker, fault)
    before = worker.log_size, worker.load, len(upstream.requests)
    row.play(fault, **({"mb": 8} if fault == "big_answer" else {}))
    connection = row.begin(outcome, stream=fault == "firehose")
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert soon(lambda: b"request finished" in worker.logged(before[0]), 10)
    connection.close()
    row.settled(before)


def read(connection):
    """The status of what a connection answers, once it has."""
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def alive(row):
    connection = http.client.HTTPConnection("127.0.0.1", row.worker.port, timeout=5)
    connection.request("GET", "/livez")
    return read(connection)


def test_E15_one_too_many_is_refused_at_once_and_health_checks_are_answered(row):
    row.play("slow_headers", seconds=2)
    begun = [row.begin("settled", stream, llm="patient") for stream in (False, True) * (ROOM // 2)]
    assert row.upstream.wait_for(lambda upstream: upstream.open_requests == ROOM)
    refused = [row.ask("void"), row.ask("void", stream=True)]
    row.outcomes = ["void", "void"] + ["settled"] * ROOM
    assert all(is_error(answer, 503, "overloaded", "true") for answer in refused)
    assert [(answer.headers["retry-after"], answer.seconds < 1) for answer in refused] == [("1", True)] * 2
    assert alive(row) == 200
    assert row.upstream.open_requests == ROOM
    assert [read(each) for each in begun] == [200] * ROOM
    row.attempts = ROOM


def test_E15_the_refusal_is_in_the_clients_dialect(row):
    row.play("slow_headers", seconds=1)
    begun = [row.begin("settled", llm="patient") for _ in range(ROOM)]
    assert row.upstream.wait_for(lambda upstream: upstream.open_requests == ROOM)
    refused = row.ask("void", path=MESSAGES)
    row.outcomes = ["void"] + ["settled"] * ROOM
    assert (refused.status, json.loads(refused.body)["error"]["type"]) == (529, "overloaded_error")
    assert [read(each) for each in begun] == [200] * ROOM
    row.attempts = ROOM


def test_E15_every_place_is_given_back(row):
    """However a request ends: N at once, and then N again."""
    row.play("slow_headers", seconds=0.2)
    for _ in range(3):
        begun = [row.begin("settled", stream, llm="patient") for stream in (False, True) * (ROOM // 2)]
        assert [read(each) for each in begun] == [200] * ROOM
    for fault, outcome in (("close_midway", "partial"), ("status", "unknown"), ("refuse_token", "void")):
        row.play(fault)
        for _ in range(ROOM // 3):
            row.ask(outcome, stream=True, llm="patient")
    row.play("slow_headers", seconds=0.2)
    begun = [row.begin("settled", stream, llm="patient") for stream in (False, True) * (ROOM // 2)]
    assert [read(each) for each in begun] == [200] * ROOM
