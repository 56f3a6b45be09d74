"""The contract as pytest runs it."""

import subprocess
import sys
from textwrap import dedent

import pytest

from llmproxy import testing
from llmproxy.testing import FaultUpstream, ProviderContract
from testing.checking import BEARER, BODY
from testing.wrong_providers import Right


class TestRight(ProviderContract):
    """As an author would write it."""

    provider_class = Right
    token_header = BEARER
    expected_body = BODY


@pytest.fixture
def pytest_run(tmp_path):
    """Runs pytest on a file of its own; returns its exit code and what it says."""

    def run(text, *arguments):
        (tmp_path / "test_own.py").write_text(dedent(text))
        command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *arguments, "test_own.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_broken_promise_is_a_failed_test_that_says_the_promise(pytest_run):
    code, said = pytest_run(
        """
        from llmproxy import Provider
        from llmproxy.testing import ProviderContract

        class Wrong(Provider):
            endpoints = {"openai.chat": "/chat/completions"}

            def payload(self, call):
                return {**call.body, "model": "another"}

        class TestWrong(ProviderContract):
            provider_class = Wrong
        """,
        "-k",
        "sends_what_is_asked or sends_the_expected_body or keeps_retry_after",
    )
    assert code == 1
    assert "The prompt reaches the upstream as JSON" in said
    assert "whole: the model's name did not arrive" in said
    assert "no `expected_body` was given" in said
    assert "1 failed, 1 passed, 1 skipped" in said


def test_the_plugin_brings_an_upstream(pytest_run):
    code, said = pytest_run(
        "def test_it(fault_upstream):\n    assert fault_upstream.url.startswith('http://127.0.0.1:')\n"
    )
    assert code == 0, said


def test_the_upstream_of_the_plugin_is_one_of_ours(fault_upstream):
    assert isinstance(fault_upstream, FaultUpstream)


def test_the_kit_needs_no_test_framework_but_for_its_test_class():
    code = "import llmproxy.testing.contract, sys; sys.exit('pytest' in sys.modules or 'responses' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=20).returncode == 0


def test_there_is_nothing_else_in_the_kit():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        testing.Nothing  # noqa: B018
