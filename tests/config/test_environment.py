"""Row F5: a `.env` that is missing, bad, empty, quoted; told by name, never by value."""

import pytest

from llmproxy.config import OffProvider

CLIENT = '[client.ci]\ntoken_env = "CI_KEY"\n'


@pytest.fixture
def dotenv(folder):
    def write(text, path=".env", mode=0o600):
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
        file.chmod(mode)

    return write


def test_a_missing_file_is_fine(load):
    assert load().warnings == ()


def test_a_line_that_does_not_parse_is_told_with_its_number(problems, dotenv):
    dotenv("GROQ_API_KEY=x\n# comment\nthis is the canary\nOPENAI_API_KEY\n")
    assert problems() == (
        ".env:3: this line is not NAME=value",
        ".env:4: this line is not NAME=value",
    )


def test_it_is_told_together_with_the_mistakes_of_the_config(problems, dotenv):
    dotenv("canary\n")
    assert problems("[server]\nprt = 1") == (
        'llmproxy.toml:2: unknown key "prt" in [server]. Did you mean "port"?',
        ".env:1: this line is not NAME=value",
    )


@pytest.mark.parametrize(
    "line", ["GROQ_API_KEY=abc", "GROQ_API_KEY = 'abc'", 'export GROQ_API_KEY="abc"', "GROQ_API_KEY=abc  # mine\r"]
)
def test_quotes_spaces_and_windows_line_ends_are_no_part_of_a_value(load, dotenv, line):
    dotenv(f"\ufeff{line}\nX=1\n")
    assert load().environment.get("GROQ_API_KEY") == "abc"


def test_quotes_that_are_part_of_a_value_are_a_warning(load):
    config = load(CLIENT, env={"GROQ_API_KEY": '"canary"', "CI_KEY": "ca nary"})
    assert config.warnings == (
        "CI_KEY of [client.ci] has white space inside",
        "GROQ_API_KEY of [llm.groq] stands in quotes, which are sent as part of it",
    )


def test_the_file_beside_the_config_wins_over_that_of_the_working_directory(load, dotenv, folder):
    dotenv("LLMPROXY_PORT=1\n", "etc/.env")
    dotenv("LLMPROXY_PORT=2\nLLMPROXY_THREADS=2\n")
    (folder / "etc" / "a.toml").write_text("")
    server = load(source="etc/a.toml").server
    assert (server.port, server.threads) == (1, 2)


def test_the_process_environment_wins_over_both(load, dotenv):
    dotenv("LLMPROXY_PORT=1\n")
    assert load(env={"LLMPROXY_PORT": "3"}).server.port == 3


def test_no_file_further_up_is_read(load, dotenv, folder, monkeypatch):
    dotenv("LLMPROXY_PORT=1\n")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert load(source={}).server.port == 3000


def test_a_file_that_everybody_can_read_is_a_warning(load, dotenv):
    dotenv("A=1\n", mode=0o644)
    assert load().warnings == (".env: every user of this machine can read it; chmod 600 keeps it private",)


@pytest.mark.parametrize("value", ["", "  ", "''"])
def test_an_empty_client_secret_is_a_mistake(problems, dotenv, value):
    dotenv(f"A=1\nCI_KEY={value}\n")
    assert problems(CLIENT) == (
        ".env:2: CI_KEY is set but empty: [client.ci] needs a secret there, or no such variable at all",
    )


def test_an_empty_client_secret_of_the_environment_is_told_at_the_client(problems):
    assert problems(CLIENT, env={"CI_KEY": ""}) == (
        "llmproxy.toml:2: CI_KEY is set but empty: [client.ci] needs a secret there, or no such variable at all",
    )


def test_an_empty_admin_secret_is_a_mistake_even_with_an_empty_config(problems, dotenv):
    dotenv("LLMPROXY_ADMIN_TOKEN=\n")
    (problem,) = problems()
    assert problem.startswith(".env:1: LLMPROXY_ADMIN_TOKEN is set but empty: [server] admin_token_env needs")


def test_an_empty_secret_file_is_a_mistake(problems, folder):
    (folder / "secret").write_text("\n")
    (problem,) = problems(CLIENT, env={"CI_KEY_FILE": str(folder / "secret")})
    assert problem.startswith("llmproxy.toml:2: CI_KEY_FILE names a file that holds no secret")


def test_a_client_without_its_variable_cannot_call(load):
    config = load(CLIENT)
    assert config.warnings == ("llmproxy.toml:2: [client.ci] cannot call: CI_KEY is not set",)
    assert config.clients["ci"].token_env == "CI_KEY"


def test_an_empty_provider_token_switches_the_llm_off(load, dotenv):
    dotenv("OPENAI_API_KEY=\n")
    config = load('[llm.x]\nprovider = "openai"\n')
    assert config.off[0] == OffProvider("x", "openai", "OPENAI_API_KEY is set but empty")
