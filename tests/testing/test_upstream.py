"""The upstream that goes wrong on purpose does what it is told, and knows what its clients did."""

import json
import socket
import subprocess
import sys
import time

import pytest
import requests

from llmproxy.testing import FAULTS, FaultUpstream

STREAM = {"stream": True}


@pytest.fixture
def upstream():
    with FaultUpstream() as upstream:
        yield upstream


def post(upstream, body=STREAM, path="", timeout=5, **keys):
    return requests.post(f"{upstream.url}{path}", json=body, timeout=timeout, **keys)


def test_nothing_is_wrong_until_a_fault_is_played(upstream):
    assert post(upstream).text.endswith("data: [DONE]\n\n")
    assert post(upstream, {}).json()["choices"][0]["message"]["content"] == "one two"


def test_a_fault_is_played_at_every_request(upstream):
    upstream.play("status", code=503, body="html")
    assert [post(upstream).status_code for _ in range(2)] == [503, 503]


def test_faults_in_a_queue_are_played_one_after_another_and_the_last_goes_on(upstream):
    upstream.play("status:429").then("status:503").then("ok")
    assert [post(upstream).status_code for _ in range(4)] == [429, 503, 200, 200]


def test_a_path_chooses_its_fault_and_options(upstream):
    answer = requests.post(f"{upstream.origin}/@status;code=529;body=empty/v1/x", json={}, timeout=5)
    assert (answer.status_code, answer.text, upstream.requests[0].path) == (529, "", "/v1/x")


def test_a_path_leaves_the_queue_alone(upstream):
    upstream.play("status:503").then("ok")
    requests.post(f"{upstream.origin}/@no_content/v1", json={}, timeout=5)
    assert post(upstream).status_code == 503


def test_an_unknown_fault_says_which_there_are(upstream):
    with pytest.raises(ValueError, match=r"no fault 'resett'; there are: all_at_once, .*, reset_midway, "):
        upstream.play("resett")
    answer = requests.post(f"{upstream.origin}/@resett/v1", json={}, timeout=5)
    assert (answer.status_code, "reset_midway" in answer.text) == (404, True)


def test_an_unknown_option_says_which_there_are(upstream):
    with pytest.raises(ValueError, match="slow_headers has no option 'secs'; it has: seconds"):
        upstream.play("slow_headers", secs=1)


def test_a_path_cannot_choose_what_strikes_before_it_is_known(upstream):
    assert "strikes before" in requests.post(f"{upstream.origin}/@refuse/v1", json={}, timeout=5).text


def test_nobody_listens_until_something_else_is_played(upstream):
    upstream.play("refuse")
    with pytest.raises(requests.ConnectionError):
        post(upstream)
    assert post(upstream.play("ok")).status_code == 200


def test_a_full_backlog_lets_nobody_in(upstream):
    upstream.play("full_backlog")
    with pytest.raises(requests.ConnectTimeout):
        post(upstream, timeout=0.2)
    assert upstream.requests == []


def test_a_play_begins_on_new_connections(upstream):
    with requests.Session() as session:
        for _ in range(2):
            session.post(upstream.url, json={}, timeout=5)
        upstream.play("ok")
        session.post(upstream.url, json={}, timeout=5)
    assert [request.connection for request in upstream.requests] == [1, 1, 2]


def test_a_request_is_recorded_whole(upstream):
    requests.post(f"{upstream.url}/chat?a=1", json={"model": "m"}, headers={"X-A": "b"}, timeout=5)
    request = upstream.requests[0]
    assert (request.method, request.path, request.headers["x-a"]) == ("POST", "/v1/chat?a=1", "b")
    assert (request.json(), request.fault) == ({"model": "m"}, "ok")
    assert upstream.wait_for(lambda upstream: request.ended is not None)
    assert request.arrived <= request.ended


def test_a_chunked_request_is_read(upstream):
    requests.post(upstream.url, data=iter([b'{"a":', b"1}"]), timeout=5)
    assert upstream.requests[0].json() == {"a": 1}


@pytest.mark.parametrize("fault", ["stall_midway", "stall_before_first_event", "slow_headers", "only_pings", "drip"])
def test_it_sees_the_client_leave_at_once(upstream, fault):
    upstream.play(fault)
    body = json.dumps(STREAM).encode()
    with socket.create_connection(("127.0.0.1", upstream.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert upstream.wait_for(lambda upstream: upstream.open_requests == 1)
        time.sleep(0.05)
        assert upstream.requests[0].left is None
    gone = time.monotonic()
    assert upstream.wait_for(lambda upstream: upstream.open_requests == 0, 1.5)
    assert abs(upstream.requests[0].left - gone) < 0.5


def test_a_firehose_stops_when_nobody_reads(upstream):
    upstream.play("firehose")
    with post(upstream, stream=True) as answer:
        pieces = answer.iter_content(100)
        next(pieces)
        sent = -1
        while sent != upstream.requests[0].sent:
            sent = upstream.requests[0].sent
            time.sleep(0.2)
        assert upstream.requests[0].ended is None
    assert upstream.wait_for(lambda upstream: upstream.open_requests == 0)


def test_closing_ends_what_still_goes_on():
    with FaultUpstream() as upstream:
        upstream.play("stall_midway")
        answer = post(upstream, stream=True)
        closed = time.monotonic()
    assert time.monotonic() - closed < 1
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        answer.content  # noqa: B018  # read out


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_names_its_row_and_says_what_it_does(fault):
    assert fault.row == "ok" or fault.row[0] in "ABCD"
    assert fault.sentence.endswith(".")


def test_it_needs_no_test_framework():
    code = "import llmproxy.testing, sys; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_says_where_it_listens_and_what_it_can_do():
    command = [sys.executable, "-m", "llmproxy.testing"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        lines = [server.stdout.readline() for _ in range(5)]
        server.terminate()
        rest = server.stdout.read()
    assert lines[0].startswith("Listening at http://127.0.0.1:")
    assert " D1  reset_midway\n       Resets the connection after some events.\n" in rest
    assert max(map(len, rest.splitlines())) < 160
