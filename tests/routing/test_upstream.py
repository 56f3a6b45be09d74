import pytest

from llmproxy import ProviderError, ProviderRateLimited, ProviderRejected, ProviderUnreachable, TokenError
from llmproxy.routing import upstream as module
from llmproxy.routing.upstream import Upstream

REFUSED = ProviderError(code="upstream_auth_failed")


@pytest.fixture
def make(clock, scripted):
    """Makes the upstream of an llm."""
    return lambda **options: Upstream(scripted(), "up", clock=clock, random=lambda: 0.5, **options)


def tokens(upstream, count=4, model="m"):
    """The tokens whose turn it is, one request after the other."""
    lanes = [upstream.take(model) for _ in range(count)]
    return [lane and lane.token for lane in lanes]


def test_a_cooldown_holds_for_one_model(make):
    upstream = make()
    upstream.failed(upstream.take("m"), ProviderRateLimited(retry_after=5))
    assert upstream.take("m") is None
    assert upstream.take("other") is not None


def test_a_429_without_retry_after_pauses_nobody(make):
    upstream = make()
    upstream.failed(upstream.take("m"), ProviderRateLimited())
    assert upstream.take("m") is not None


def test_while_it_cools_down_it_refuses_with_the_time_that_is_left(make, clock):
    upstream = make()
    upstream.failed(upstream.take("m"), ProviderRateLimited(retry_after=5))
    clock.passes(2)
    refusal = upstream.refusal("m")
    assert (refusal.code, refusal.status, refusal.retry_after) == ("upstream_rate_limited", 429, 3)


def test_while_it_is_open_it_refuses_with_the_time_that_is_left(make, clock):
    upstream = make()
    for _ in range(5):
        upstream.failed(upstream.take("m"), ProviderUnreachable())
    assert upstream.take("m") is None
    clock.passes(4)
    refusal = upstream.refusal("m")
    assert (refusal.code, refusal.status, refusal.retry_after) == ("upstream_circuit_open", 503, 6)


def test_a_refused_request_shows_that_the_upstream_is_well(make):
    upstream = make()
    for _ in range(40):
        upstream.failed(upstream.take("m"), ProviderRejected())
    for _ in range(9):
        upstream.failed(upstream.take("m"), ProviderError())
    assert upstream.take("m") is not None


@pytest.mark.parametrize("error", [ProviderRateLimited(), REFUSED, TokenError()])
def test_what_is_the_tokens_fault_is_not_held_against_the_upstream(make, error):
    upstream = make()
    for _ in range(20):
        upstream.failed(upstream.take("m"), error)
    assert upstream.take("m") is not None


def test_a_token_that_was_refused_sits_out_for_all_models(make, clock):
    upstream = make(tokens=3)
    upstream.failed(upstream.take("m"), REFUSED)
    assert 0 not in tokens(upstream, 6, model="other")
    clock.passes(60)
    assert 0 in tokens(upstream, 6, model="other")


def test_the_last_token_stays_in(make):
    upstream = make(tokens=2)
    for _ in range(3):
        upstream.failed(upstream.take("m"), REFUSED)
    assert set(tokens(upstream)) == {1}


@pytest.mark.parametrize(("retry_after", "seconds"), [(None, 1), (5, 5)])
def test_a_token_that_is_out_of_breath_rests_for_this_model(make, clock, retry_after, seconds):
    upstream = make(tokens=2)
    upstream.failed(upstream.take("m"), ProviderRateLimited(retry_after=retry_after))
    assert set(tokens(upstream)) == {1}
    assert set(tokens(upstream, model="other")) == {0, 1}
    clock.passes(seconds)
    assert set(tokens(upstream)) == {0, 1}


def test_which_token_was_refused_is_logged(make, caplog):
    upstream = make(tokens=2)
    upstream.failed(upstream.take("m"), REFUSED)
    [message] = caplog.messages
    assert message == "llm up: token 1 of 2 was refused (upstream_auth_failed) and is left out for 60 s"


def test_any_number_of_model_names_is_forgotten_but_for_those_with_trouble(make, monkeypatch):
    monkeypatch.setattr(module, "_MAX_MODELS", 10)
    upstream = make()
    lane = upstream.take("m")
    upstream.failed(lane, ProviderRateLimited(retry_after=60))
    upstream.end(lane)
    for number in range(100):
        upstream.end(upstream.take(f"m{number}"))
    assert upstream.take("m") is None
    assert len(upstream._lanes) <= 10


def test_an_llm_with_a_limit_takes_no_more_than_that(make):
    upstream = make(max_parallel=2)
    lanes = [upstream.take("m"), upstream.take("other")]
    assert upstream.take("m") is None
    refusal = upstream.refusal("m")
    assert (refusal.status, refusal.code, refusal.retry_after) == (503, "overloaded", 1)
    upstream.end(lanes[0])
    assert upstream.take("m") is not None


def test_a_lane_that_is_not_given_takes_no_place(make):
    upstream = make(max_parallel=1)
    lane = upstream.take("m")
    upstream.failed(lane, ProviderRateLimited(retry_after=60))
    upstream.end(lane)
    assert upstream.take("m") is None
    assert upstream.take("other") is not None
