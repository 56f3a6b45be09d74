import pytest

from llmproxy import ProviderRateLimited, ProviderUnavailable, ProviderUnreachable
from llmproxy.routing.retry import RetryBudget, pause_before_repeat


@pytest.mark.parametrize(
    ("repeat", "random", "seconds"), [(0, 0, 0), (0, 1, 0.5), (1, 1, 1), (2, 0.5, 1), (2, 1, 2), (9, 1, 2)]
)
def test_the_jitter_is_full_doubles_and_never_exceeds_two_seconds(repeat, random, seconds):
    assert pause_before_repeat(ProviderUnreachable(), repeat, lambda: random) == seconds


@pytest.mark.parametrize(("random", "seconds"), [(0, 0.25), (1, 0.5)])
def test_at_least_half_of_the_delay_is_kept_where_the_upstream_throttles(random, seconds):
    assert pause_before_repeat(ProviderUnavailable(), 0, lambda: random) == seconds


def test_a_limit_that_does_not_say_when_it_ends_is_not_asked_again():
    assert pause_before_repeat(ProviderRateLimited(), 0, lambda: 1) is None


@pytest.mark.parametrize("error", [ProviderRateLimited(retry_after=1.5), ProviderUnavailable(retry_after=1.5)])
@pytest.mark.parametrize("random", [0, 1])
def test_retry_after_is_a_floor_that_no_jitter_shortens(error, random):
    assert pause_before_repeat(error, 0, lambda: random) == 1.5


def test_jitter_may_be_longer_than_retry_after():
    assert pause_before_repeat(ProviderUnavailable(retry_after=0.1), 0, lambda: 1.0) == 0.5


def test_a_thread_does_not_sleep_for_more_than_two_seconds():
    assert pause_before_repeat(ProviderUnavailable(retry_after=2), 0, lambda: 0) == 2
    assert pause_before_repeat(ProviderUnavailable(retry_after=2.1), 0, lambda: 0) is None


@pytest.fixture
def budget(clock):
    return RetryBudget(clock)


def emptied(budget):
    assert all(budget.take() for _ in range(10))
    return budget


def test_a_budget_starts_with_ten(budget):
    assert not emptied(budget).take()


def test_ten_requests_earn_a_repeat(budget):
    emptied(budget)
    for _ in range(9):
        budget.earn()
    assert not budget.take()
    budget.earn()
    budget.earn()
    assert budget.take()
    assert not budget.take()


def test_a_budget_holds_no_more_than_ten(budget):
    for _ in range(1000):
        budget.earn()
    assert not emptied(budget).take()


def test_one_repeat_in_ten_seconds_is_always_allowed(budget, clock):
    emptied(budget)
    clock.passes(9)
    assert not budget.take()
    clock.passes(1)
    assert budget.take()
    assert not budget.take()
