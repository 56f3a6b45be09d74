import collections
import random

import pytest

from llmproxy import ConfigError
from llmproxy.routing.load import Load
from llmproxy.routing.policies import POLICIES, Candidate, Policy
from llmproxy.routing.target import Target

NAMES = "abcdef"


class Backwards(Policy):
    """A policy of one's own."""

    def order(self, candidates):
        return candidates[::-1]


@pytest.fixture
def candidates(clock):
    """Makes candidates, one for each weight."""

    def make(*weights):
        targets = [Target(name, "m", weight=weight) for name, weight in zip(NAMES, weights, strict=False)]
        return [Candidate(target, Load(clock)) for target in targets]

    return make


def order(policy, candidates):
    """The llms in their order."""
    return "".join(candidate.target.llm for candidate in policy.order(candidates))


def make(name, seed=1):
    return POLICIES.get(name)(random.Random(seed).random)


@pytest.mark.parametrize("name", sorted(POLICIES))
@pytest.mark.parametrize("count", [2, 3, 6])
def test_every_target_comes_once(name, count, candidates):
    policy, given = make(name), candidates(*[1] * count)
    assert all(sorted(order(policy, given)) == list(NAMES[:count]) for _ in range(20))


def test_fallback_keeps_the_order_of_the_file(candidates):
    assert [order(make("fallback"), candidates(1, 1, 1)) for _ in range(2)] == ["abc", "abc"]


def test_round_robin_begins_with_each_in_turn(candidates):
    policy = make("round_robin")
    assert [order(policy, candidates(1, 1, 1)) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_weights_are_shares(candidates):
    policy, given = make("weighted"), candidates(1, 3, 6)
    firsts = collections.Counter(order(policy, given)[0] for _ in range(5000))
    assert [firsts[name] / 5000 for name in "abc"] == pytest.approx([0.1, 0.3, 0.6], abs=0.03)


def test_weights_hold_among_those_that_are_left(candidates):
    policy, given = make("weighted"), candidates(1, 3, 6)
    seconds = collections.Counter(found[1] for found in (order(policy, given) for _ in range(5000)) if found[0] == "c")
    assert seconds["b"] / seconds["a"] == pytest.approx(3, rel=0.2)


def test_a_draw_at_the_very_end_finds_somebody(candidates):
    assert order(POLICIES.get("weighted")(lambda: 1.0), candidates(1, 3)) == "ba"


def test_the_least_busy_comes_first(candidates):
    given = candidates(1, 1, 1)
    for name, count in zip("abc", (2, 0, 1), strict=True):
        for _ in range(count):
            given[NAMES.index(name)].load.begin()
    assert order(make("least_busy"), given) == "bca"


def test_those_that_are_equally_busy_take_turns(candidates):
    policy, given = make("least_busy"), candidates(1, 1)
    assert [order(policy, given) for _ in range(3)] == ["ab", "ba", "ab"]


def test_the_faster_of_two_comes_first(candidates):
    given = candidates(1, 1)
    given[0].load.began_after(2)
    given[1].load.began_after(1)
    assert {order(make("fastest"), given) for _ in range(10)} == {"ba"}


def test_not_everything_goes_to_the_fastest(candidates):
    policy, given = make("fastest"), candidates(1, 1, 1)
    for candidate, seconds in zip(given, (1, 2, 3), strict=True):
        candidate.load.began_after(seconds)
    firsts = collections.Counter(order(policy, given)[0] for _ in range(3000))
    assert [firsts[name] / 3000 for name in "abc"] == pytest.approx([2 / 3, 1 / 3, 0], abs=0.04)


def test_a_target_that_was_never_asked_counts_as_fast(candidates):
    given = candidates(1, 1)
    given[0].load.began_after(0.1)
    assert order(make("fastest"), given) == "ba"


def test_a_policy_may_be_a_dotted_path(candidates):
    policy = POLICIES.get(f"{__name__}:Backwards")()
    assert order(policy, candidates(1, 1)) == "ba"


def test_what_is_no_policy_is_refused():
    with pytest.raises(ConfigError, match="not a subclass of Policy"):
        POLICIES.get("llmproxy.routing.target:Target")
