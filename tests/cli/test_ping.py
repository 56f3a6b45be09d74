import pytest
from fakes import http

from llmproxy.cli import ping
from llmproxy.config.models import ProviderConfig
from llmproxy.providers.openai import OpenAIProvider


@pytest.fixture
def llm(server):
    """A provider whose upstream is on this machine."""
    return OpenAIProvider(ProviderConfig(base_url=server.url, token_env=[], name="up"))


def test_the_milliseconds_are_those_until_the_answer(server, llm):
    server.answers(0.2, http(b"{}"))

    assert 200 <= ping.ping(llm).milliseconds < 5000


def test_an_upstream_that_does_not_answer_is_not_waited_for(server, llm, monkeypatch):
    monkeypatch.setattr(ping, "PATIENCE_SECS", 0.2)
    server.answers(3)

    assert ping.ping(llm) == ping.Ping(None, "The provider did not answer in time.")


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 405, 429])
def test_any_other_answer_shows_that_the_upstream_can_be_reached(status):
    assert ping.failure_of(status) is None
