"""The example of a `.env` names the key of every provider, and is harmless as it is."""

from pathlib import Path

import pytest

from llmproxy.core.tokens import DotEnvFile
from llmproxy.providers import PROVIDERS
from llmproxy.providers.bedrock import API_KEY

EXAMPLE = DotEnvFile(Path(__file__).parent.parent / ".env.example")
KEYS = {name: PROVIDERS.get(name).default_token_env for name in PROVIDERS.names()}


@pytest.mark.parametrize("key", [*filter(None, KEYS.values()), API_KEY])
def test_it_has_the_key_of_each_provider_and_no_value(key):
    assert EXAMPLE.values()[key] == ""


def test_it_has_no_other_keys():
    assert EXAMPLE.values().keys() == {*filter(None, KEYS.values()), API_KEY}
    assert EXAMPLE.problems() == []


def test_it_switches_nothing_on(load):
    assert load(env=EXAMPLE.values()).llms.keys() == {"echo"}
