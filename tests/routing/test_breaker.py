import threading

import pytest

from llmproxy.routing.breaker import Breaker


@pytest.fixture
def breaker(clock):
    return Breaker(clock, random=lambda: 0.5)


def fail(breaker, times, **how):
    for _ in range(times):
        breaker.failed(**how)


def opened(breaker):
    fail(breaker, 5, connecting=True)
    return breaker


def test_calls_pass_at_first(breaker):
    assert breaker.admit()
    assert breaker.remaining() == 0


def test_it_opens_when_half_of_ten_calls_fail(breaker):
    for _ in range(5):
        breaker.succeeded()
    fail(breaker, 4)
    assert breaker.admit()
    fail(breaker, 1)
    assert not breaker.admit()


def test_it_stays_closed_while_more_than_half_succeed(breaker):
    for _ in range(30):
        breaker.succeeded()
    fail(breaker, 29)
    assert breaker.admit()


def test_it_stays_closed_below_ten_calls(breaker):
    fail(breaker, 9)
    assert breaker.admit()


def test_failures_are_forgotten_after_half_a_minute(breaker, clock):
    fail(breaker, 9)
    clock.passes(30)
    fail(breaker, 9)
    assert breaker.admit()


def test_failures_add_up_over_half_a_minute(breaker, clock):
    for _ in range(10):
        breaker.failed()
        clock.passes(2)
    assert not breaker.closed


def test_five_connections_in_a_row_that_fail_open_it(breaker):
    fail(breaker, 4, connecting=True)
    assert breaker.admit()
    fail(breaker, 1, connecting=True)
    assert not breaker.admit()


def test_an_answer_in_between_ends_the_row(breaker):
    fail(breaker, 4, connecting=True)
    breaker.succeeded()
    fail(breaker, 4, connecting=True)
    assert breaker.admit()


def test_answers_that_break_later_count_as_failures(breaker):
    for _ in range(10):
        breaker.succeeded()
        breaker.failed_later()
    assert not breaker.admit()


def test_it_is_open_for_ten_seconds_and_says_how_long_still(breaker, clock):
    opened(breaker)
    clock.passes(9)
    assert not breaker.admit()
    assert breaker.remaining() == 1
    clock.passes(1)
    assert breaker.admit()


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 8), (1.0, 12)])
def test_how_long_it_is_open_varies_by_a_fifth(clock, random, seconds):
    assert opened(Breaker(clock, lambda: random)).remaining() == pytest.approx(seconds)


def test_exactly_one_of_many_threads_is_the_probe(breaker, clock):
    opened(breaker)
    clock.passes(10)
    admitted = []
    threads = [threading.Thread(target=lambda: admitted.append(breaker.admit())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(admitted) == [False] * 19 + [True]


def test_a_probe_that_succeeds_closes_it(breaker, clock):
    opened(breaker)
    clock.passes(10)
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.admit()
    fail(breaker, 4)  # and what was before is forgotten
    assert breaker.admit()


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_two_minutes(breaker, clock):
    opened(breaker)
    waits = []
    for _ in range(5):
        clock.passes(breaker.remaining())
        assert breaker.admit()
        breaker.failed()
        waits.append(breaker.remaining())
    assert waits == [20, 40, 80, 120, 120]


def test_a_probe_that_shows_nothing_gives_way_to_another(breaker, clock):
    opened(breaker)
    clock.passes(10)
    assert breaker.admit()
    breaker.abandoned()
    assert breaker.admit()
    assert not breaker.admit()


def test_calls_from_before_it_opened_do_not_keep_it_open(breaker, clock):
    opened(breaker)
    clock.passes(9)
    fail(breaker, 3)
    assert breaker.remaining() == 1
