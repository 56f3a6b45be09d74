"""The worker behind the real command. Its bounds are generous: what they exclude takes seconds, or for ever."""

import contextlib
import json
import os
import signal
import time

import pytest
from processes import CHAT, connections, served, wait_for

from server.conftest import HEAD_SECS, KEY, THREADS, WRITE_SECS

HEALTH = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
MANY = 4 * THREADS


@contextlib.contextmanager
def sockets(server, *sent, number=MANY):
    """So many connections, on each of which this was sent."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.socket(*sent)) for _ in range(number)]


def assert_healthy(server, seconds=1):
    began = time.monotonic()
    assert server.get("/livez")[0] == 200
    assert time.monotonic() - began < seconds


def read_answer(connected):
    """What comes on a bare connection, up to the end of a health check's body."""
    received = b""
    while not received.endswith(b"}"):
        piece = connected.recv(65536)
        assert piece, received
        received += piece
    return received


def to_the_end(connected):
    """What comes on a bare connection until the server closes it."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connected.recv(65536):
            received += piece
    return received


def test_a_client_that_keeps_its_end_open_holds_up_nobody(server):
    with server.socket(HEALTH + b"Connection: close\r\n\r\n") as lingering:
        assert b" 200 OK" in read_answer(lingering)
        assert_healthy(server)


def test_clients_that_say_nothing_hold_no_thread(server):
    with sockets(server):
        assert_healthy(server)


def test_clients_with_half_a_head_hold_no_thread(server):
    with sockets(server, HEALTH) as slow:
        assert_healthy(server)
        slow[0].sendall(b"Connection: close\r\n\r\n")
        assert b" 200 OK" in to_the_end(slow[0])


def test_half_a_head_is_not_waited_for_forever(server):
    with server.socket(HEALTH) as slow:
        began = time.monotonic()
        assert to_the_end(slow) == b""
        assert HEAD_SECS - 0.5 < time.monotonic() - began < HEAD_SECS + 4


def test_nor_is_a_head_that_comes_byte_by_byte(server):
    with server.socket(HEALTH, timeout=0.1) as slow:
        end, received = time.monotonic() + HEAD_SECS + 4, None
        while received is None and time.monotonic() < end:
            slow.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                received = slow.recv(1)
    assert received == b""


def test_a_head_in_two_pieces_is_answered(server):
    with server.socket(HEALTH) as slow:
        time.sleep(0.3)
        slow.sendall(b"\r\n")
        assert b" 200 OK" in read_answer(slow)


@pytest.mark.parametrize("pause", [0, 0.3])
def test_a_client_that_keeps_its_connection_is_answered_again(server, pause):
    with server.socket() as kept:
        for _ in range(3):
            kept.sendall(HEALTH + b"\r\n")
            assert b"Connection: keep-alive" in read_answer(kept)
            time.sleep(pause)


def test_requests_that_come_together_are_answered_one_after_the_other(server):
    with server.socket((HEALTH + b"\r\n") * 2 + HEALTH + b"Connection: close\r\n\r\n") as together:
        assert to_the_end(together).count(b" 200 OK") == 3


def test_more_clients_than_threads_that_keep_their_connections_are_all_answered(server):
    with sockets(server, HEALTH + b"\r\n") as kept:
        for _ in range(3):
            for connected in kept:
                assert b" 200 OK" in read_answer(connected)
                connected.sendall(HEALTH + b"\r\n")


def posted(model, **members):
    """A stream asked for."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True, **members})
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Authorization: {KEY['Authorization']}\r\n\r\n{body}".encode()


def test_a_reader_that_reads_nothing_is_dropped(server, upstream):
    with server.socket(posted("hose/m")):
        wait_for(lambda: upstream.open_requests == 1)
        assert upstream.wait_for(lambda upstream: upstream.open_requests == 0, WRITE_SECS + 6)
        wait_for(lambda: "hose/m" in server.said)
    assert "Traceback" not in server.said


def test_a_reader_that_is_slow_is_not(server, upstream):
    with server.socket(posted("hose/m")) as slow:
        end = time.monotonic() + 3 * WRITE_SECS
        while time.monotonic() < end:
            assert slow.recv(32768)
            time.sleep(0.1)
        assert upstream.open_requests == 1
    assert upstream.wait_for(lambda upstream: upstream.open_requests == 0)


def too_large(framing):
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    head += f"Authorization: {KEY['Authorization']}\r\n".encode()
    size = 3 * 1024 * 1024
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % size + b" " * size
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_client_that_sends_too_much_reads_why_and_that_it_is_over(server, framing):
    with server.socket(too_large(framing)) as sending:
        received = to_the_end(sending)
    assert b" 413 " in received
    assert b"\r\nConnection: close\r\n" in received


def test_what_follows_a_body_that_was_not_read_is_no_request(server):
    smuggled = HEALTH + b"\r\n"
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()
    with server.socket(head + smuggled) as refused:
        received = to_the_end(refused)
    assert received.count(b"HTTP/1.1 ") == 1
    assert b" 401 " in received
    assert b"\r\nConnection: close\r\n" in received


def test_a_refusal_of_what_was_read_keeps_the_connection(server):
    with server.connection() as kept:
        for _ in range(2):
            server.begin(kept, "nobody/m", headers=KEY)
            response = kept.getresponse()
            assert (response.status, response.read()[:1]) == (404, b"{")
            assert response.headers["Connection"] == "keep-alive"


def test_one_worker_that_ends_leaves_the_rest_to_others(upstream, tmp_path):
    config = f'[llm.long]\nprovider = "openai"\nbase_url = "{upstream.origin}/@drip/v1"\n'
    with served(tmp_path, config, "--workers", "2", "--graceful-timeout", "4") as server:
        wait_for(lambda: len(server.workers) == 2)
        streams = [server.listen("long/m") for _ in range(6)]
        os.kill(max(server.workers, key=lambda pid: len(connections(pid))), signal.SIGTERM)
        statuses = [server.get("/readyz")[0] for _ in range(20)]
        assert statuses == [200] * 20
        wait_for(lambda: any(stream.ended for stream in streams))
        ended = [stream for stream in streams if stream.ended]
        assert all(b"server_shutdown" in stream.body for stream in ended)


def test_a_stream_whose_client_takes_nothing_does_not_hold_up_the_end(upstream, tmp_path):
    config = f'[llm.hose]\nprovider = "openai"\nbase_url = "{upstream.origin}/@firehose/v1"\n'
    with served(tmp_path, config, "--graceful-timeout", "4") as server:
        with server.socket(posted("hose/m")):
            wait_for(lambda: upstream.open_requests == 1)
            time.sleep(0.5)
            server.signal(signal.SIGTERM)
            assert server.process.wait(10) == 0
        assert "request finished" in server.said
        assert "SIGKILL" not in server.said


def test_a_request_that_nothing_can_wake_does_not_keep_an_old_worker(tmp_path):
    (tmp_path / "stuck.py").write_text(STUCK, encoding="utf-8")
    config = '[llm.stuck]\nprovider = "stuck:Stuck"\n'
    with served(tmp_path, config, "--graceful-timeout", "3") as server:
        with server.connection() as waiting:
            server.begin(waiting, "stuck/m")
            wait_for(lambda: "stuck now" in server.said)
            old = server.reload()
            wait_for(lambda: not set(old) & set(server.workers))
        assert "1 connections were still busy" in server.said
        assert "WORKER TIMEOUT" not in server.said


STUCK = """
import sys
import time

from llmproxy import Provider


class Stuck(Provider):
    def chat(self, chat):
        print("stuck now", file=sys.stderr, flush=True)
        time.sleep(60)
        yield "never"
"""

FEW_FILES = """
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""


def test_a_worker_without_files_for_more_connections_lets_them_wait(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "few_files.py").write_text(FEW_FILES, encoding="utf-8")
    with served(tmp_path, '[plugins]\npaths = ["plugins"]\n') as server:
        [worker] = server.workers
        with sockets(server, HEALTH, number=40):
            wait_for(lambda: "a connection has to wait" in server.said)
        assert_healthy(server, 5)
        assert server.workers == [worker]
