"""nginx, with the file that is in `examples/`, in front of the real command and an upstream that goes wrong."""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import time

import pytest
from gunicorns import gunicorn

from deploy.nginx import EXAMPLE, nginx
from llmproxy.config.models import ServerConfig
from llmproxy.testing import FaultUpstream

THREADS = 8
CHAT = "/v1/chat/completions"
MB = 1024 * 1024
LIMIT = 32 * MB  # of the proxy too

CONFIG = """
[server]
auth = "none"
threads = {threads}
trusted_proxies = 1
keepalive_secs = 0.5

[llm.up]
provider = "openai"
base_url = "{up}"
max_retries = 0
"""


class Front:
    """The proxy behind nginx.

    Attributes:
        port: nginx's.
        log: Of gunicorn.
    """

    def __init__(self, port, log=None):
        self.port = port
        self._log = log

    @property
    def worker_id(self):
        return int(re.findall(r"Booting worker with pid: (\d+)", self._log.read_text())[-1])

    @property
    def open_files(self):
        return len(os.listdir(f"/proc/{self.worker_id}/fd"))

    def begin(self, stream=False, **members):
        """A connection on which a chat was asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **members}
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}  # which is for nobody to do
        connection.request("POST", CHAT, json.dumps(body), headers)
        return connection

    def ask(self, **members):
        """The response to a chat, and its body."""
        with contextlib.closing(self.begin(**members)) as connection:
            response = connection.getresponse()
            return response, response.read()

    def send(self, data):
        """A connection on which these bytes were sent."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.sendall(data)
        return client


@pytest.fixture(scope="module")
def up():
    with FaultUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def front(up, tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    (folder / "llmproxy.toml").write_text(CONFIG.format(threads=THREADS, up=up.url), encoding="utf-8")
    with (
        gunicorn(folder / "llmproxy.toml", log=folder / "log") as own_port,
        nginx(folder, own_port) as port,
    ):
        yield Front(port, folder / "log")


@pytest.fixture
def bare(up, tmp_path):
    """nginx in front of the upstream itself, which tells what the proxy would get."""
    with nginx(tmp_path, up.port) as port:
        yield Front(port)


def head(length, path=CHAT):
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_on(client):
    with contextlib.closing(http.client.HTTPResponse(client)) as response:
        response.begin()
        return response, json.loads(response.read())


def seconds(directive):
    """What the example says of a time."""
    (found,) = re.findall(rf"^ *{directive} (\d+)s;", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found)


def test_its_times_and_its_limit_fit_ours(gunicorn_seconds):
    ours = ServerConfig()
    assert seconds("keepalive_timeout") < gunicorn_seconds["keepalive"]
    assert seconds("proxy_read_timeout") > ours.request_timeout_secs > ours.keepalive_secs
    assert seconds("send_timeout") == ours.write_secs
    assert f"client_max_body_size {ours.max_body_mb}m;" in EXAMPLE.read_text(encoding="utf-8")
    assert ours.max_body_mb * MB == LIMIT


def test_a_whole_answer_comes_through(front, up):
    up.play("ok")
    response, body = front.ask()
    assert (response.status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "one two")
    assert response.headers["x-llmproxy-llm"] == "up"


def test_a_stream_arrives_event_by_event(front, up):
    up.play("drip", pause=0.2)
    with contextlib.closing(front.begin(stream=True)) as connection:
        response, arrived = connection.getresponse(), []
        while len(arrived) < 6:
            if response.readline().startswith(b"data:"):
                arrived.append(time.monotonic())
    drops = arrived[2:]  # the events before them come at once
    assert min(later - earlier for earlier, later in itertools.pairwise(drops)) > 0.05


def test_a_silent_stream_gives_signs_of_life(front, up):
    up.play("slow_headers:60")
    with contextlib.closing(front.begin(stream=True)) as connection:
        response, said = connection.getresponse(), []
        while len(said) < 3:
            said.append(response.readline())
    assert said == [b": keepalive\n", b"\n", b": keepalive\n"]


def test_a_whole_stream_ends_as_it_should(front, up):
    up.play("ok")
    response, body = front.ask(stream=True)
    assert body.endswith(b"data: [DONE]\n\n")
    assert response.headers["Content-Type"].startswith("text/event-stream")


def test_slow_heads_and_half_bodies_reach_nobody(front, up):
    up.play("ok")
    front.ask()
    files, asked = front.open_files, len(up.requests)
    half = b'{"model": "up/m", "messages": ['
    with contextlib.ExitStack() as clients:
        for _ in range(2 * THREADS):
            clients.enter_context(front.send(head(1000)[:40]))
            clients.enter_context(front.send(head(1000) + half))
        started = time.monotonic()
        assert front.ask()[0].status == 200
        assert time.monotonic() - started < 5
        assert front.open_files <= files
    assert len(up.requests) == asked + 1


@pytest.mark.parametrize(
    ("fault", "stream"),
    [("slow_headers:60", False), ("slow_headers:60", True), ("stall_midway", True), ("drip", True)],
)
def test_a_client_that_leaves_takes_the_upstream_request_with_it(front, up, fault, stream):
    up.play(fault)
    asked = len(up.requests)
    connection = front.begin(stream=stream)
    assert up.wait_for(lambda upstream: len(upstream.requests) > asked)
    if stream and not fault.startswith("slow"):
        connection.getresponse().readline()
    connection.close()
    left = time.monotonic()
    assert up.wait_for(lambda upstream: upstream.requests[-1].left is not None)
    assert up.requests[-1].left - left < 2


def test_a_body_above_the_limit_gets_a_413_before_it_is_sent(front, up):
    with front.send(head(LIMIT + 1)) as client:
        response, body = answer_on(client)
    assert (response.status, body["error"]["code"], body["error"]["type"]) == (413, *["request_too_large"] * 2)
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["x-should-retry"] == "false"


def test_a_body_without_a_length_gets_it_once_it_is_above_the_limit(front):
    with front.send(head("chunked").replace(b"Content-Length", b"Transfer-Encoding")) as client:
        client.sendall(b"%x\r\n{" % (LIMIT + 1))
        assert answer_on(client)[0].status == 413


def test_a_body_of_just_the_limit_gets_its_answer(front, up):
    up.play("ok")
    chat = json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    with front.send(head(LIMIT) + chat + b" " * (LIMIT - len(chat))) as client:
        assert answer_on(client)[0].status == 200


def test_a_client_that_does_not_read_stops_the_upstream(front, up):
    up.play("firehose")
    with contextlib.closing(front.begin(stream=True)) as connection:
        connection.getresponse()
        sent = [-1, up.requests[-1].sent]
        while sent[-1] > sent[-2]:
            assert sent[-1] < 100 * MB
            time.sleep(0.5)
            sent.append(up.requests[-1].sent)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status:500", 502, "upstream_error"),
        ("status:504", 504, "upstream_timeout"),
        ("status:404", 404, "server_error"),
        ("overloaded", 503, "upstream_overloaded"),
    ],
)
def test_an_error_of_ours_is_not_replaced(front, up, fault, status, code):
    up.play(fault)
    response, body = front.ask(model=f"up/{fault}")
    assert (response.status, json.loads(body)["error"]["code"], response.headers["x-llmproxy-error"]) == (
        status,
        code,
        code,
    )


def test_a_stream_that_breaks_ends_with_its_error_and_no_done(front, up):
    up.play("reset_midway")
    _, body = front.ask(stream=True)
    assert b'"code":"upstream_stream_reset"' in body.replace(b'": "', b'":"')
    assert b"[DONE]" not in body


def serves_again(front, up):
    """Waits for the next worker."""
    up.play("ok")
    front.ask()
    return front.ask()[0].status == 200


def test_a_worker_that_is_killed_leaves_a_broken_body_and_never_a_clean_end(front, up):
    up.play("stall_midway")
    with contextlib.closing(front.begin(stream=True)) as connection:
        response = connection.getresponse()
        response.readline()
        os.kill(front.worker_id, signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert serves_again(front, up)


def test_a_whole_answer_whose_worker_is_killed_is_not_to_be_asked_again(front, up):
    up.play("slow_headers:60")
    asked = len(up.requests)
    with contextlib.closing(front.begin()) as connection:
        assert up.wait_for(lambda upstream: len(upstream.requests) > asked)
        os.kill(front.worker_id, signal.SIGKILL)
        response = connection.getresponse()
        body = json.loads(response.read())
    assert (response.status, body["error"]["code"]) == (502, "proxy_unreachable")
    assert response.headers["x-should-retry"] == "false"
    assert len(up.requests) == asked + 1
    assert serves_again(front, up)


def test_a_proxy_that_is_not_there_may_be_asked_again(up, bare):
    up.play("refuse")
    response, body = bare.ask()
    assert (response.status, json.loads(body)["error"]["code"]) == (502, "proxy_unreachable")
    assert (response.headers["Content-Type"], response.headers["x-should-retry"]) == ("application/json", "true")


def test_a_request_is_never_sent_twice(up, bare):
    up.play("stale_keepalive")
    asked = len(up.requests)
    assert [bare.ask()[0].status for _ in range(2)] == [200, 502]
    assert len(up.requests) == asked + 2


def test_connections_to_the_proxy_are_kept(up, bare):
    up.play("ok")
    before = up.connections
    for _ in range(3):
        bare.ask()
    assert up.connections == before + 1


def test_the_proxy_is_told_who_is_calling_and_nothing_that_the_client_made_up(up, bare):
    up.play("ok")
    forged = ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /evil", "Forwarded: for=x"]
    lines = [f"POST {CHAT} HTTP/1.1", "Host: llm.example", *forged, "Connection: close", "Content-Length: 2", "", "{}"]
    with bare.send("\r\n".join(lines).encode()) as client:
        client.recv(1)
    headers = up.requests[-1].headers
    assert headers["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"  # of which `trusted_proxies = 1` believes the last
    assert (headers["x-forwarded-host"], headers["x-forwarded-proto"]) == ("llm.example", "http")
    assert headers["x-forwarded-port"] == str(bare.port)
    assert not {"x-forwarded-prefix", "forwarded", "connection"} & headers.keys()


def test_a_path_goes_on_as_it_was_written(up, bare):
    up.play("ok")
    with bare.send(head(2, "/v1/models/up%2Fm//x?beta=1") + b"{}") as client:
        client.recv(1)
    assert up.requests[-1].path == "/v1/models/up%2Fm//x?beta=1"


def test_the_log_has_no_query(up, bare, tmp_path):
    up.play("ok")
    with bare.send(head(2, "/v1/models?key=secret-of-a-client") + b"{}") as client:
        client.recv(1)
    bare.ask()  # when it is answered, the other one is in the log
    log = (tmp_path / "llmproxy.log").read_text()
    assert "POST /v1/models" in log
    assert "secret-of-a-client" not in log
