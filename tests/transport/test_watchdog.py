import os
import socket
import threading
import time

import pytest

from llmproxy.transport.watchdog import TICK_SECS, Watchdog

SOON_SECS = 2.0


@pytest.fixture
def watchdog():
    return Watchdog()


@pytest.fixture
def pair():
    """A client's socket as the server has it, and the client's own end."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    yield served, client
    for each in (served, client, listener):
        each.close()


def test_an_alarm_rings_at_its_time(watchdog):
    rung = threading.Event()
    start = time.monotonic()
    watchdog.at(start + 0.05, rung.set)
    assert rung.wait(SOON_SECS)
    assert time.monotonic() - start >= 0.05


def test_an_earlier_alarm_wakes_the_one_who_sleeps_for_a_later_one(watchdog):
    rung = threading.Event()
    watchdog.at(time.monotonic() + 60, lambda: None)
    time.sleep(0.05)
    watchdog.at(time.monotonic() + 0.01, rung.set)
    assert rung.wait(SOON_SECS)


def test_alarms_ring_in_order(watchdog):
    rung, done = [], threading.Event()
    now = time.monotonic()
    for number in (3, 1, 2):
        watchdog.at(now + number / 100, lambda number=number: rung.append(number))
    watchdog.at(now + 0.05, done.set)
    assert done.wait(SOON_SECS)
    assert rung == [1, 2, 3]


def test_an_alarm_that_is_called_off_does_not_ring(watchdog):
    rung, done = [], threading.Event()
    now = time.monotonic()
    alarm = watchdog.at(now + 0.01, lambda: rung.append(1))
    alarm.cancel()
    alarm.cancel()
    watchdog.at(now + 0.05, done.set)
    assert done.wait(SOON_SECS)
    assert rung == []


def test_alarms_that_are_called_off_leave_the_heap(watchdog):
    for _ in range(5000):
        watchdog.at(time.monotonic() + 600, lambda: None).cancel()
    assert len(watchdog._alarms) < 1000


def test_a_callback_that_fails_does_not_stop_the_watch(watchdog, caplog):
    rung = threading.Event()
    watchdog.at(time.monotonic(), lambda: 1 / 0)
    watchdog.at(time.monotonic() + 0.02, rung.set)
    assert rung.wait(SOON_SECS)
    assert "a callback of the watchdog's failed" in caplog.text


@pytest.mark.parametrize("leave", [socket.socket.close, lambda client: client.shutdown(socket.SHUT_WR)])
def test_a_client_that_leaves_is_noticed(watchdog, pair, leave):
    served, client = pair
    gone = threading.Event()
    watchdog.watch(served, gone.set)
    assert not gone.wait(3 * TICK_SECS)
    leave(client)
    assert gone.wait(SOON_SECS)


def test_a_client_that_has_left_before_is_noticed(watchdog, pair):
    served, client = pair
    client.close()
    gone = threading.Event()
    watchdog.watch(served, gone.set)
    assert gone.wait(SOON_SECS)


def test_a_client_that_says_more_has_not_left(watchdog, pair):
    served, client = pair
    gone = threading.Event()
    watchdog.watch(served, gone.set)
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert not gone.wait(5 * TICK_SECS)
    assert served.recv(100).startswith(b"GET")


@pytest.mark.parametrize("delay", [0, 3 * TICK_SECS])
def test_a_watch_that_has_ended_says_nothing(watchdog, pair, delay):
    served, client = pair
    gone = threading.Event()
    watch = watchdog.watch(served, gone.set)
    time.sleep(delay)
    watch.end()
    client.close()
    assert not gone.wait(3 * TICK_SECS)
    assert watchdog._watched == {}


def test_a_connection_is_watched_anew_for_each_of_its_requests(watchdog, pair):
    served, client = pair
    for _ in range(3):
        watch = watchdog.watch(served, lambda: pytest.fail("nobody left"))
        time.sleep(2 * TICK_SECS)
        watch.end()
    gone = threading.Event()
    watchdog.watch(served, gone.set)
    client.close()
    assert gone.wait(SOON_SECS)


def test_a_number_that_is_used_again_is_another_sockets(watchdog, pair):
    served, client = pair
    gone = threading.Event()
    watch = watchdog.watch(served, lambda: pytest.fail("this one was forgotten"))
    time.sleep(2 * TICK_SECS)
    watch.end()
    other, end = socket.socketpair()
    os.dup2(other.fileno(), served.fileno())
    watchdog.watch(served, gone.set)
    time.sleep(2 * TICK_SECS)
    other.close()
    end.close()
    client.close()
    assert gone.wait(SOON_SECS)


def test_many_clients_that_leave_at_once_are_all_noticed(watchdog):
    pairs = [socket.socketpair() for _ in range(300)]
    gone = threading.Semaphore(0)
    for served, _ in pairs:
        watchdog.watch(served, gone.release)
    time.sleep(2 * TICK_SECS)
    for _, client in pairs:
        client.close()
    assert all(gone.acquire(timeout=SOON_SECS) for _ in pairs)
    for served, _ in pairs:
        served.close()


def test_a_child_process_has_a_watchdog_of_its_own(watchdog):
    watchdog.at(time.monotonic() + 60, lambda: None)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        rung = threading.Event()
        watchdog.at(time.monotonic() + 0.01, rung.set)
        os.write(writer, b"1" if rung.wait(SOON_SECS) else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"1"
    os.close(reader)
    os.close(writer)
