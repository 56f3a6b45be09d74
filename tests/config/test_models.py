from pathlib import Path

import pytest

from llmproxy.config import Config, ProviderConfig, ServerConfig, Timeouts
from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import Environment


def problems_of(**fields):
    with pytest.raises(ConfigError) as caught:
        ProviderConfig(**fields)
    return caught.value.problems


def test_a_provider_config_needs_nothing():
    config = ProviderConfig()
    assert (config.base_url, config.token_env, config.timeout_secs, config.max_retries) == (None, None, None, 1)
    assert config.token_envs == ()


def test_the_first_four_fields_can_be_given_by_position():
    config = ProviderConfig("https://api.example/v1", "TEST_TOKEN", 30, 3)
    assert (config.base_url, config.token_envs, config.max_retries) == ("https://api.example/v1", ("TEST_TOKEN",), 3)


def test_several_token_variables_are_kept_in_their_order():
    assert ProviderConfig(token_env=["B", "A"]).token_envs == ("B", "A")


def test_timeouts_have_their_defaults():
    assert ProviderConfig().timeouts == Timeouts(5, 600, 300, 300, 900)


def test_the_short_form_is_the_default_of_three_timeouts():
    assert ProviderConfig(timeout_secs=30).timeouts == Timeouts(5, 30, 30, 30, 900)


def test_the_long_form_wins_key_by_key():
    timeouts = ProviderConfig(timeout_secs=30, timeouts=Timeouts(idle_secs=300)).timeouts
    assert (timeouts.first_event_secs, timeouts.idle_secs, timeouts.progress_secs) == (30, 300, 30)


def test_timeouts_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="idle_secs must be a number of seconds above 0"):
        Timeouts(idle_secs=-1)


@pytest.mark.parametrize("secs", [0, -1, float("inf"), float("nan")])
def test_a_timeout_must_be_above_zero(secs):
    assert problems_of(timeout_secs=secs) == ("timeout_secs must be a number of seconds above 0",)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("api.openai.com/v1", "must be a URL that starts with"),
        ("ftp://api.example", "must be a URL that starts with"),
        ("https://", "must be a URL that starts with"),
        ("https://api.example:port", "must be a URL that starts with"),
        ("https://api.example/a b", "must be a URL that starts with"),
        ("https://user:canary@api.example", "must hold no user name or password"),
        ("https://api.example/v1?key=canary", "must hold no ? or #"),
        ("https://api.example/v1#canary", "must hold no ? or #"),
        ("http://api.example/v1", "is plain http to another machine"),
        ("http://127.0.0.1.example/v1", "is plain http to another machine"),
    ],
)
def test_a_base_url_that_makes_no_sense_is_refused_without_being_repeated(url, part):
    (problem,) = problems_of(base_url=url)
    assert problem.startswith(f"base_url {part}")
    assert "canary" not in problem


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.1.2.3", "localhost:11434", "[::1]:80"])
def test_plain_http_is_fine_on_this_machine(host):
    assert ProviderConfig(base_url=f"http://{host}/v1").base_url == f"http://{host}/v1"


def test_plain_http_leaves_the_machine_only_when_told_to():
    assert ProviderConfig(base_url="http://gpu.lan/v1", allow_http=True).allow_http


def test_all_mistakes_are_told_at_once():
    assert len(problems_of(base_url="x", max_retries=-1, max_parallel=0, proxy="x", max_response_mb=0)) == 5


def test_a_token_in_place_of_its_variable_is_refused_without_being_repeated():
    assert "canary" not in str(problems_of(token_env="sk-canary-0123456789"))


def test_neither_headers_nor_options_nor_proxy_show_in_the_repr():
    config = ProviderConfig(headers={"x": "canary"}, options={"x": "canary"}, proxy="http://u:canary@proxy:1")
    assert "canary" not in repr(config)


def test_the_state_does_not_show_in_the_repr():
    assert "canary" not in repr(Config(server=ServerConfig(state="postgresql://u:canary@db/x")))


def test_the_environment_takes_no_part_in_comparisons():
    assert ProviderConfig(environment=Environment()) == ProviderConfig()


def test_a_relative_ca_file_starts_at_the_folder():
    assert ProviderConfig(ca_file="ca.pem", folder=Path("/etc/x")).ca_path == Path("/etc/x/ca.pem")
    assert ProviderConfig(ca_file="/ca.pem", folder=Path("/etc/x")).ca_path == Path("/ca.pem")
    assert ProviderConfig().ca_path is None


def test_what_was_handed_over_can_be_changed_without_changing_the_config():
    headers = {"x": "1"}
    config = ProviderConfig(headers=headers)
    headers["x"] = "2"
    assert config.headers == {"x": "1"}


def test_a_config_can_be_made_of_nothing():
    assert Config().server == ServerConfig()
    assert (Config().server.port, Config().server.threads, Config().server.auth) == (3000, 64, "auto")
