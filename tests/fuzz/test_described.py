"""Schemathesis asks whatever the description allows and much of what it does not; echo answers in every dialect."""

import pytest
from hypothesis import HealthCheck, given, settings

from llmproxy import create_app
from llmproxy.web.presence import TIMEOUT_HEADER

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

CONFIG = {"model": {"tunedModels/echo": {"targets": [{"llm": "echo", "model": "echo"}]}}}
LIKELY, UNLIKELY = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@pytest.fixture
def described(load):
    """The description as it is served."""
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(load(CONFIG)))


def check(operation, mode):
    """Tries one operation with what is as it is described, or with what is not."""

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=6, suppress_health_check=list(HealthCheck))
    def answers(case):
        asked(case).call_and_validate()

    answers()


def asked(case):
    """The same call, of a model that answers and with time to do so."""
    for said in (case.body, case.path_parameters):
        if isinstance(said, dict) and said.get("model") and isinstance(said["model"], str):
            said["model"] = "echo"
    case.headers.pop(TIMEOUT_HEADER, None)
    return case


def operations(described):
    return [found.ok() for found in described.get_all_operations()]


def test_what_is_asked_as_described_is_answered_as_described(described):
    for operation in operations(described):
        check(operation, LIKELY)


def test_what_is_asked_otherwise_is_refused_as_described(described):
    for operation in operations(described):
        if operation.body:  # elsewhere whatever comes is a string
            check(operation, UNLIKELY)


def test_the_description_is_valid(described):
    described.validate()  # raises
    assert len(operations(described)) > 10
