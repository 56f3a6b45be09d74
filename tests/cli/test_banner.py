import re
import shlex

import pytest

from llmproxy.cli.banner import banner, try_it
from llmproxy.gateway import Gateway

URL = "http://127.0.0.1:3000"


@pytest.fixture
def gateway(load):
    """The gateway of a configuration."""
    return lambda config=None, **env: Gateway(load(config, env))


def test_it_says_where_and_with_which_file(gateway):
    assert "Configuration: no file\n" in banner(gateway(), 4711)
    assert "Address: http://127.0.0.1:4711\n" in banner(gateway(), 4711)


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1"), ("::1", "http://[::1]:1"), ("box", "http://box:1")],
)
def test_the_url_is_one_that_works_on_this_machine(gateway, host, url):
    assert f"Address: {url}\n" in banner(gateway({"server": {"host": host, "auth": "none"}}), 1)


def test_it_says_which_llms_are_on_and_by_which_variable(gateway):
    said = banner(gateway(OPENAI_API_KEY="sk-secret"), 1)

    assert re.search(r"openai +on +OPENAI_API_KEY\n", said)
    assert "sk-secret" not in said


def test_it_says_what_would_switch_the_others_on(gateway):
    assert re.search(r"openai +off +set OPENAI_API_KEY to switch it on\n", banner(gateway(), 1))


def test_it_says_what_has_no_effect_yet_and_what_to_look_at(gateway):
    up = {"provider": "openai", "verify": False}
    said = banner(gateway({"llm": {"up": up}, "server": {"shared": "memory"}}), 1)

    assert "warning: config: verify = false in [llm.up]" in said
    assert "[server] shared: no effect yet\n" in said


def test_the_command_to_try_asks_echo(gateway):
    words = shlex.split(try_it(gateway(), URL))

    assert words[:2] == ["curl", f"{URL}/v1/chat/completions"]
    assert words[-1] == '{"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}'


def test_the_command_to_try_has_the_variable_of_a_clients_key(gateway):
    command = try_it(gateway({"client": {"ci": {"token_env": "CI_KEY"}}}, CI_KEY="secret"), URL)

    assert '-H "Authorization: Bearer $CI_KEY"' in command
    assert "secret" not in command


def test_the_command_to_try_asks_for_a_model_that_the_client_may_use(gateway):
    config = {
        "llm": {"up": {"provider": "openai", "models": ["one", "two"]}},
        "client": {"ci": {"token_env": "CI_KEY", "models": ["two"]}},
    }

    assert '"model": "two"' in try_it(gateway(config), URL)


def test_the_command_to_try_uses_a_path_there_is(gateway):
    assert f"{URL}/team/v1/chat/completions" in try_it(gateway({"route": [{"path_prefix": "/team"}]}), URL)


def test_without_a_path_for_chats_there_is_no_command_to_try(gateway):
    assert try_it(gateway({"route": [{"path_prefix": "/v1/embeddings"}]}), URL) is None
