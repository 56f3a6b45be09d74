"""Each wrong provider is caught by the check of the promise that it breaks, and by no other."""

import pytest

from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.subject import Subject
from testing.checking import BEARER, BODY, results_of
from testing.wrong_providers import LEAKED, WRONG, Right


@pytest.fixture(autouse=True)
def close_what_leaks():
    yield
    while LEAKED:
        LEAKED.pop().close()


def test_every_promise_applies_to_a_right_provider_and_is_kept():
    subject = Subject(Right, token_header=BEARER, expected_body=BODY)
    assert set(results_of(subject, "passed")) == {check.__name__ for check in CHECKS}


def test_there_is_a_wrong_provider_for_every_promise():
    assert list(WRONG) == sorted(WRONG, key=[check.__name__ for check in CHECKS].index)
    assert set(WRONG) == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize("promise", WRONG)
def test_a_wrong_provider_is_caught_by_the_check_of_its_promise_alone(promise):
    # Whoever adds to the body is right to do so as long as nobody has written down what it should be.
    expected = BODY if promise == "sends_the_expected_body" else None
    subject = Subject(WRONG[promise], token_header=BEARER, expected_body=expected)
    assert list(results_of(subject, "failed")) == [promise]
