"""Row E15: more requests than there is room for."""

import http.client
import json

from matrix.conftest import MESSAGES, THREADS, is_error

ROOM = THREADS - 2


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
    begun = [row.begin("settled", stream) for stream in (False, True) * (ROOM // 2)]
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
    begun = [row.begin("settled") for _ in range(ROOM)]
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
        begun = [row.begin("settled", stream) for stream in (False, True) * (ROOM // 2)]
        assert [read(each) for each in begun] == [200] * ROOM
    for fault, outcome in (("close_midway", "partial"), ("status", "unknown"), ("refuse_token", "void")):
        row.play(fault)
        for _ in range(ROOM):
            row.ask(outcome, stream=True)
    row.play("slow_headers", seconds=0.2)
    begun = [row.begin("settled", stream) for stream in (False, True) * (ROOM // 2)]
    assert [read(each) for each in begun] == [200] * ROOM
