import pytest

from llmproxy.config.secrets import is_secret_name, is_variable_name, looks_like_key, oddity
from llmproxy.core.errors import ConfigError

CANARY = "canary0123456789abcdefGHIJ"
KEYS = [
    f"sk-{CANARY}",
    f"sk-ant-api03-{CANARY}",
    f"sk-or-v1-{CANARY}",
    f"gsk_{CANARY}",
    f"xai-{CANARY}",
    f"AIza{CANARY}",
    f"hf_{CANARY}",
    "AKIACANARY0123456789",
    f"eyJhbGciOi.eyJzdWIiOi.{CANARY}",
    f"Bearer sk-{CANARY}",
]

ELSEWHERE = (
    "looks like a secret. Secrets never stand in this file: put it into the environment or .env, and name its variable "
    "in token_env"
)


def hidden(texts):
    return "canary" not in "\n".join(texts).lower()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_refused_anywhere_without_being_repeated(problems, key):
    text = f"""
        [llm.x]
        provider = "echo"
        token_env = "{key}"
        models = ["{key}"]
        headers = {{ "x" = "{key}" }}
        [model.m]
        targets = ["{key}/x", "{key}"]
        [server]
        host = "{key}"
        {"x = '''" + key + "'''"}
        """
    found = problems(text)
    assert hidden(found)
    assert [line.split(":")[1] for line in found] == ["3", "4", "5", "7", "9", "10"]
    assert found[0] == f"llmproxy.toml:3: token_env in [llm.x] {ELSEWHERE}"


@pytest.mark.parametrize("key", KEYS[:6])
def test_a_key_as_a_name_is_refused_without_being_repeated(problems, key):
    found = problems(f'["llm"."{key}"]\nprovder = "x"\n[server]\n"{key}" = 1\n')
    assert hidden(found)
    assert found[0] == f"llmproxy.toml:1: a name in [llm] {ELSEWHERE}"
    assert found[1] == f"llmproxy.toml:4: a name in [server] {ELSEWHERE}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_env", "canary-1"),
        ("token_env", "0canary"),
        ("token_env", "canary0123456789abcdef0123456789"),
        ("api_key", "canary-1"),
        ("apiKey", "canary 1"),
        ("client_secret", "canary!"),
        ("password", "canary.1"),
        ("headers", {"authorization": "Basic canary="}),
        ("headers", {"x-api-key": "canary-1"}),
    ],
)
def test_a_value_under_a_secrets_name_must_be_a_variable(problems, name, value):
    found = problems(source={"llm": {"x": {"provider": "echo", name: value}}})
    assert hidden(found)
    assert len(found) == 1
    assert found[0].endswith(ELSEWHERE)


def test_a_token_in_a_clients_table_is_refused_without_being_repeated(problems):
    found = problems('[client.ci]\ntoken_env = "my canary"\n[server]\nadmin_token_env = "canary!"')
    assert [line.split(" looks")[0] for line in found] == [
        "llmproxy.toml:2: token_env in [client.ci]",
        "llmproxy.toml:4: admin_token_env in [server]",
    ]


def test_a_base_url_with_a_password_is_refused_without_being_repeated(problems):
    (problem,) = problems('[llm.x]\nprovider = "openai"\nbase_url = "https://u:canary@api.example"')
    assert problem.startswith("llmproxy.toml:3: base_url in [llm.x] must hold no user name or password")
    assert hidden([problem])


def test_a_password_in_another_url_is_a_warning(load):
    config = load('[server]\nstate = "postgresql://u:canary@db/x"')
    assert config.warnings == (
        "llmproxy.toml:2: state in [server] holds a password; the environment keeps it out of the file",
    )
    assert hidden([repr(config)])


def test_a_token_of_the_environment_shows_nowhere(load, folder):
    (folder / ".env").write_text("GROQ_API_KEY=canary\n")
    config = load('[client.c]\ntoken_env = "C"', env={"OPENAI_API_KEY": "canary two", "C": '"canary"'})
    assert hidden([repr(config), *config.warnings])


def test_a_bad_setting_of_the_environment_is_not_repeated(problems):
    env = {"LLMPROXY_PORT": "canary", "LLMPROXY_ADMIN_TOKEN_ENV": "sk-canary", "LLMPROXY_STATE": "canary"}
    assert hidden(problems(env=env))


def test_a_mistake_in_the_toml_does_not_repeat_the_line(problems):
    assert hidden(problems('[llm.x]\ntoken_env = "sk-canary'))


def test_what_a_plugin_says_is_masked(load, folder):
    (folder / "plugins").mkdir()
    (folder / "plugins" / "leaky.py").write_text("raise RuntimeError('sk-' + 'canary0123')\n")
    config = load('[plugins]\npaths = ["plugins"]')
    assert config.warnings == ("plugins/leaky.py:1: not imported: RuntimeError: ***",)


def test_an_error_is_no_chain_that_shows_a_value(load):
    with pytest.raises(ConfigError) as caught:
        load('[server]\nport = "canary"')
    assert hidden([str(caught.value), repr(caught.value)])


@pytest.mark.parametrize(
    "text",
    ["gpt-5-mini", "o*", "risk-taking-in-markets", "task-force", "hf_*", "xai-prod", "https://api.example/v1", "smart"],
)
def test_ordinary_values_do_not_look_like_keys(text):
    assert not looks_like_key(text)


@pytest.mark.parametrize("name", ["max_tokens", "tokens_per_minute", "key_file", "prompt_cache_key", "keyword", "host"])
def test_ordinary_names_are_not_those_of_secrets(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "_x", "token2", "AZURE_OPENAI_API_KEY_2"])
def test_variables_have_names(name):
    assert is_variable_name(name)


@pytest.mark.parametrize(
    ("secret", "part"),
    [('"abc"', "quotes"), ("'abc'", "quotes"), ("a b", "white space"), ("a\nb", "white space"), ("ä", "no header")],
)
def test_what_is_odd_about_a_secret_is_told_without_it(secret, part):
    assert part in oddity(secret)
    assert oddity("abc") is None
