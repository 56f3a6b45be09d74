from llmproxy.cli.status import Status, status_lines, statuses
from llmproxy.config import Config, ProviderConfig
from llmproxy.core.tokens import Environment
from llmproxy.gateway import Gateway

ROTATED = {"llm": {"up": {"provider": "openai", "token_env": ["ONE", "TWO", "THREE"]}}}


def test_of_several_variables_those_that_are_set_are_named(load):
    found = statuses(Gateway(load(ROTATED, {"ONE": "a", "THREE": "c"})))

    assert found[0] == Status("up", "openai", None, ("ONE", "THREE"))


def test_an_llm_that_is_off_is_told_once_and_after_those_that_are_on(load):
    found = statuses(Gateway(load(ROTATED)))

    assert [status.on for status in found] == [True] + [False] * (len(found) - 1)
    assert [status.reason for status in found if status.name == "up"] == ["none of ONE, TWO, THREE is set"]


def test_a_configuration_made_in_python_is_told_by_its_providers_own_variable():
    settings = ProviderConfig(name="o", provider="openai", environment=Environment(environ={"OPENAI_API_KEY": "k"}))

    assert statuses(Gateway(Config(llms={"o": settings})))[0].keys == ("OPENAI_API_KEY",)


def test_each_llm_has_a_line():
    lines = status_lines([Status("a", "p", None, ("K1", "K2")), Status("bcd", "p", "set K to switch it on")])

    assert list(lines) == ["  a    on   K1, K2", "  bcd  off  set K to switch it on"]
