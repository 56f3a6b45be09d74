"""The contract: the built-in providers keep it, and so do generators, as far as it applies to them."""

import re

import pytest

from llmproxy.core.errors import ProviderError
from llmproxy.providers import PROVIDERS
from llmproxy.providers.compatible import COMPATIBLE
from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.bench import NotApplicable
from llmproxy.testing.contract.known import built_in
from llmproxy.testing.contract.promises import result_of
from llmproxy.testing.contract.subject import Subject
from testing.checking import BEARER, results_of
from testing.oracle import LETTERS, WORDS, Clerk, Oracle, Shout

# They share one class, and so one way to keep the contract: the rest of it is checked with OpenAI's own.
ROWS_ONLY = (
    "sends_its_token_where_it_belongs",
    "sends_what_is_asked",
    "streams_what_it_says_whole",
    "counts_usage_once",
)


@pytest.mark.parametrize("name", [name for name in PROVIDERS.names() if name not in COMPATIBLE])
def test_a_built_in_provider_keeps_the_contract(name):
    assert results_of(built_in(name, PROVIDERS.get(name)), "failed", crowd=(64, 20)) == {}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_host_keeps_what_is_its_own_of_the_contract(name):
    checks = [check for check in CHECKS if check.__name__ in ROWS_ONLY]
    assert results_of(built_in(name, PROVIDERS.get(name)), "failed", checks) == {}


def test_a_generator_with_an_upstream_of_its_own_keeps_the_contract():
    subject = Subject(Oracle, token_header=BEARER, words=WORDS)
    assert results_of(subject, "failed") == {}
    assert set(results_of(subject, "not applicable")) == {
        "sends_the_expected_body",
        "hands_tool_calls_on",
        "passes_over_comments",
    }


def test_a_generator_whose_upstream_answers_whole_keeps_what_applies_of_the_contract():
    subject = Subject(Clerk, token_header=BEARER, words=LETTERS)
    assert results_of(subject, "failed") == {}
    reason = "its upstream is not known to stream: give `say` in its words"
    assert results_of(subject, "not applicable")["keeps_the_idle_deadline"] == reason


def test_a_generator_without_an_upstream_keeps_what_applies_of_the_contract():
    subject = Subject(Shout)
    assert results_of(subject, "failed") == {}
    assert {"streams_what_it_says_whole", "ends_each_answer_once", "keeps_requests_apart"} <= set(
        results_of(subject, "passed")
    )


def test_what_nobody_has_said_is_not_checked():
    whys = results_of(Subject(Oracle), "not applicable")
    assert whys["says_what_the_upstream_said"] == "nobody has said what its upstream answers: give `words`"
    assert "sends_its_token_where_it_belongs" not in whys


# What a check's end is called


@pytest.mark.parametrize(
    ("raised", "result", "why"),
    [
        (None, "passed", ""),
        (AssertionError("it did not"), "failed", "it did not"),
        (NotApplicable("it has none"), "not applicable", "it has none"),
        (ProviderError(detail="tired"), "failed",
         "ProviderError: The provider failed to answer. (upstream_error: tired)"),
    ],
)  # fmt: skip
def test_a_result_says_why(raised, result, why):
    def keeps_a_promise(bench):
        if raised:
            raise raised

    assert result_of(keeps_a_promise, None) == ("keeps_a_promise", result, why)


def test_a_bug_of_the_providers_is_told_with_its_place():
    def keeps_a_promise(bench):
        raise ZeroDivisionError("by zero")

    assert re.fullmatch(r"ZeroDivisionError: by zero \(.*test_contract\.py:\d+\)", result_of(keeps_a_promise, None).why)


def test_every_check_says_its_promise_in_a_sentence():
    for check in CHECKS:
        assert check.__doc__.endswith("."), check.__name__
        assert "\n\n" not in check.__doc__
