import pytest

from llmproxy.config import OffProvider, token_names


class Host:
    default_base_url = "https://api.openai.com/v1"
    default_token_env = "OPENAI_API_KEY"


class NoHost:
    default_token_env = "HOMELESS_KEY"


def reasons(config):
    return {llm.name: llm.reason for llm in config.off}


@pytest.mark.parametrize(
    ("token_env", "base_url", "provider_class", "names"),
    [
        (None, None, Host, ("OPENAI_API_KEY",)),
        (None, "https://api.openai.com/v1", Host, ("OPENAI_API_KEY",)),
        (None, "https://API.openai.com:443/v1/", Host, ("OPENAI_API_KEY",)),
        (None, "https://api.openai.com", Host, ("OPENAI_API_KEY",)),
        (None, "https://api.openai.com/v2", Host, ()),
        (None, "http://api.openai.com/v1", Host, ()),
        (None, "https://api.openai.com.example/v1", Host, ()),
        (None, "https://api.openai.com:8443/v1", Host, ()),
        (None, "https://example.org/v1", NoHost, ("HOMELESS_KEY",)),
        ("MINE", "https://example.org/v1", Host, ("MINE",)),
        (["A", "B"], None, Host, ("A", "B")),
        ((), None, Host, ()),
        (None, None, object, ()),
    ],
)
def test_a_default_token_goes_to_its_own_host_only(token_env, base_url, provider_class, names):
    assert token_names(token_env, base_url, provider_class) == names


def test_echo_is_there_without_any_config(load):
    config = load()
    assert list(config.llms) == ["echo"]
    assert config.llms["echo"].token_envs == ()
    assert config.llms["echo"].options == {"delay_ms": 0}


def test_a_provider_is_switched_on_by_its_key(load):
    llm = load(env={"GROQ_API_KEY": "x"}).llms["groq"]
    assert (llm.provider, llm.token_envs, llm.detected, llm.base_url) == ("groq", ("GROQ_API_KEY",), True, None)


def test_a_key_is_found_in_dotenv_and_in_a_secret_file(load, folder):
    (folder / "secret").write_text("x\n")
    (folder / ".env").write_text("OPENAI_API_KEY=x\n")
    assert {"openai", "groq"} <= set(load(env={"GROQ_API_KEY_FILE": str(folder / "secret")}).llms)


def test_an_empty_key_switches_nothing_on(load):
    assert "groq" not in load(env={"GROQ_API_KEY": ""}).llms


def test_what_is_off_says_what_would_switch_it_on(load):
    off = load().off
    assert OffProvider("groq", "groq", "set GROQ_API_KEY to switch it on") in off
    assert [llm.name for llm in off] == ["groq", "homeless", "openai", "rainforest"]


def test_a_provider_that_needs_keys_of_its_own_is_not_switched_on(load):
    config = load(env={"RAINFOREST_KEY": "x"})
    assert reasons(config)["rainforest"] == "write [llm.rainforest] with project to switch it on"


def test_a_provider_that_has_no_host_of_its_own_is_not_switched_on(load, providers):
    class Resource(providers.get("homeless")):
        endpoints = {"openai.chat": "/chat"}  # noqa: RUF012

    providers.add("resource", Resource)
    config = load(env={"HOMELESS_KEY": "x"})
    assert "resource" not in config.llms
    assert reasons(config)["resource"] == "write [llm.resource] with base_url to switch it on"


def test_a_providers_own_keys_may_decide_where_its_token_is(load, providers):
    class Choosing(providers.get("openai")):
        @classmethod
        def token_env_for(cls, options):
            return options.get("organization") or "NOBODYS_KEY"

    providers.add("choosing", Choosing)
    text = '[llm.a]\nprovider = "choosing"\n[llm.b]\nprovider = "choosing"\norganization = "OURS"\n'
    config = load(text, env={"OURS": "x"})
    assert (config.llms["a"].token_envs, config.llms["b"].token_envs) == (("NOBODYS_KEY",), ("OURS",))
    assert reasons(config)["a"] == "NOBODYS_KEY is not set"


def test_a_provider_with_a_table_gets_no_second_llm(load):
    config = load('[llm.mine]\nprovider = "openai"\n', env={"OPENAI_API_KEY": "x"})
    assert set(config.llms) == {"mine", "echo"}
    assert "openai" not in reasons(config)


def test_a_written_echo_replaces_the_other(load):
    config = load('[llm.echo]\nprovider = "echo"\ndelay_ms = 5\n')
    assert config.llms["echo"].options == {"delay_ms": 5}
    assert not config.llms["echo"].detected


def test_a_name_that_is_taken_is_not_given_to_a_detected_llm(load):
    text = '[llm.openai]\nprovider = "groq"\ntoken_env = "X"\n[model.groq]\ntargets = ["openai/x"]\n'
    config = load(text, env={"OPENAI_API_KEY": "x", "GROQ_API_KEY": "x", "X": "x"})
    assert config.llms["openai"].provider == "groq"
    assert "groq" not in config.llms


def test_a_written_llm_without_its_token_is_off_and_kept(load):
    config = load('[llm.mine]\nprovider = "openai"\n')
    assert config.off[0] == OffProvider("mine", "openai", "OPENAI_API_KEY is not set")
    assert config.llms["mine"].token_envs == ("OPENAI_API_KEY",)


def test_an_empty_provider_token_counts_as_absent(load):
    config = load('[llm.mine]\nprovider = "openai"\n', env={"OPENAI_API_KEY": ""})
    assert reasons(config)["mine"] == "OPENAI_API_KEY is set but empty"


def test_a_secret_file_that_is_not_there_is_named(load):
    config = load('[llm.mine]\nprovider = "openai"\n', env={"OPENAI_API_KEY_FILE": "/nowhere/at/all"})
    assert reasons(config)["mine"] == "OPENAI_API_KEY_FILE names a file that holds no token"


def test_one_of_several_tokens_is_enough(load):
    text = '[llm.mine]\nprovider = "openai"\ntoken_env = ["A", "B"]\n'
    config = load(text, env={"B": "x"})
    assert "mine" not in reasons(config)
    assert "llmproxy.toml:1: A of [llm.mine] is not set; the others are used" in config.warnings
    assert reasons(load(text))["mine"] == "none of A, B is set"


def test_another_host_needs_no_token(load):
    config = load('[llm.vllm]\nprovider = "openai"\nbase_url = "http://127.0.0.1:8000/v1"\n')
    assert config.llms["vllm"].token_env == ()
    assert "vllm" not in reasons(config)


def test_a_base_url_that_was_not_written_is_left_to_the_provider(load):
    assert load('[llm.mine]\nprovider = "openai"\n').llms["mine"].base_url is None


def test_tokens_are_looked_up_where_the_config_was_found(load, folder):
    config = load('[llm.mine]\nprovider = "openai"\n')
    (folder / ".env").write_text("OPENAI_API_KEY=later\n")
    assert config.llms["mine"].environment.get("OPENAI_API_KEY") == "later"


def test_a_provider_that_cannot_be_imported_is_a_warning(load, providers):
    providers.add("broken", "no_such_module_anywhere:Broken")
    (warning,) = load().warnings
    assert "provider 'broken' cannot be loaded" in warning
