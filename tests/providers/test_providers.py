"""The table of providers."""

import pytest

from llmproxy import LLMClient
from llmproxy.providers import PROVIDERS
from llmproxy.providers.base import Provider


@pytest.mark.parametrize("name", PROVIDERS.names())
def test_every_name_stands_for_a_provider(name):
    found = PROVIDERS.get(name)
    assert issubclass(found, LLMClient)
    assert found.__doc__


# Their host is a resource, a region or a project of the caller's.
HOSTS_OF_THE_CALLER = ("azure_openai", "bedrock", "vertex")


@pytest.mark.parametrize("name", [name for name in PROVIDERS.names() if name not in HOSTS_OF_THE_CALLER])
def test_every_other_provider_with_endpoints_has_a_host_of_its_own(name):
    found = PROVIDERS.get(name)
    assert issubclass(found, Provider)
    assert bool(found.endpoints) == bool(found.default_base_url)


def test_the_providers_are_those_that_were_promised():
    promised = {"openai", "echo", "replay", "groq", "mistral", "deepseek", "together", "fireworks", "openrouter"}
    assert promised <= set(PROVIDERS.names())
