import math
import time

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ClientGone
from llmproxy.core.ticker import Ticker


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def told():
    return []


@pytest.fixture
def ticker(clock, told):
    ticker = Ticker()
    ticker.keep_alive(10, lambda: told.append("alive"))
    return ticker


def test_nothing_is_due_where_nothing_was_asked_for(clock):
    ticker = Ticker()
    assert (ticker.patience(math.inf), ticker.due) == (math.inf, False)
    clock[0] += 1e9
    ticker.tick()
    assert not ticker.due


def test_one_waits_until_the_silence_has_lasted_too_long(clock, ticker):
    assert (ticker.patience(300), ticker.patience(4)) == (10, 4)
    clock[0] += 7
    assert (ticker.patience(300), ticker.due) == (3, False)


def test_a_tick_tells_the_client_and_the_silence_begins_anew(clock, ticker, told):
    clock[0] += 10
    ticker.tick()
    assert (told, ticker.patience(300)) == (["alive"], 10)


def test_a_tick_before_its_time_tells_nothing(clock, ticker, told):
    clock[0] += 9
    ticker.tick()
    assert told == []


def test_what_is_sent_ends_the_silence(clock, ticker):
    clock[0] += 9
    ticker.spoke()
    assert ticker.patience(300) == 10


def test_once_the_answer_has_begun_a_tick_tells_nothing_by_itself(clock, ticker, told):
    ticker.begun()
    clock[0] += 10
    ticker.tick()
    assert (told, ticker.due) == ([], True)


def test_a_tick_that_could_not_do_what_was_due_does_not_come_again_at_once(clock, ticker):
    ticker.begun()
    clock[0] += 10
    ticker.tick()
    assert ticker.patience(300) == 1


def test_a_server_is_asked_for_its_client_every_so_often(clock):
    looks = []
    ticker = Ticker()
    ticker.look_every(2, lambda: looks.append(clock[0]))
    for _ in range(4):
        clock[0] += ticker.patience(300)
        ticker.tick()
    assert looks == [1002, 1004, 1006, 1008]


def test_a_pause_ticks(told):
    context = RequestContext()
    context.ticker.keep_alive(0.05, lambda: told.append("alive"))
    start = time.monotonic()
    context.wait(0.22)
    assert (0.2 < time.monotonic() - start < 5, len(told) >= 2) == (True, True)


def test_a_pause_ends_when_the_request_is_cancelled(told):
    context = RequestContext()
    context.ticker.keep_alive(0.05, lambda: context.cancellation.cancel(ClientGone()))
    with pytest.raises(ClientGone):
        context.wait(60)
