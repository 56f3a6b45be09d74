import json

import pytest
from fakes import http

from llmproxy.cli.check import problem_entry

LIST = http(b'{"object": "list", "data": []}')


def llms(result):
    return {llm["name"]: llm for llm in json.loads(result.stdout)["llms"]}


@pytest.fixture
def upstream(server, write):
    """An upstream of this machine's, by the name of `up`; its key is there."""
    write(f'[llm.up]\nprovider = "openai"\nbase_url = "{server.url}"\ntoken_env = "UP_KEY"')
    write("UP_KEY=up-secret-token", ".env").chmod(0o600)
    return server


def test_nothing_at_all_can_be_used(run):
    result = run("check")

    assert result.exit_code == 0
    assert "no configuration file: can be used" in result.stdout
    assert "echo" in result.stdout


def test_it_says_what_is_on_by_which_variable_and_what_is_off_and_why(run, write):
    write('[llm.up]\nprovider = "openai"\ntoken_env = "UP_KEY"')

    lines = run("check", env={"GROQ_API_KEY": "gsk-1"}).stdout.splitlines()
    words = [line.split(maxsplit=2) for line in lines]

    assert ["groq", "on", "GROQ_API_KEY"] in words
    assert ["echo", "on", "needs no key"] in words
    assert ["up", "off", "UP_KEY is not set"] in words
    assert ["mistral", "off", "set MISTRAL_API_KEY to switch it on"] in words


def test_it_says_what_has_no_effect_yet_and_what_to_look_at(run, write):
    write('[llm.up]\nprovider = "openai"\nverify = false\n[server]\nshared = "memory"')

    said = run("check", env={"OPENAI_API_KEY": "k"}).stdout

    assert "warning: llmproxy.toml:1: verify = false in [llm.up]" in said
    assert "[server] shared: no effect yet" in said


def test_json_has_the_promised_members_and_no_others(run):
    told = json.loads(run("check", "--json", env={"OPENAI_API_KEY": "sk-1"}).stdout)

    assert list(told) == ["ok", "llms", "problems"]
    assert (told["ok"], told["problems"]) == (True, [])
    assert {"name": "openai", "provider": "openai", "on": True, "reason": None, "ping_ms": None} in told["llms"]


def test_json_tells_why_an_llm_is_off(run):
    llm = llms(run("check", "--json"))["openai"]

    assert (llm["on"], llm["reason"]) == (False, "set OPENAI_API_KEY to switch it on")


def test_a_broken_configuration_is_json_as_well(run, write):
    write('[server]\nprot = 1\n\n[llm.a]\nprovider = "opnai"')

    result = run("check", "--json")
    told = json.loads(result.stdout)

    assert result.exit_code == 2
    assert (told["ok"], told["llms"]) == (False, [])
    assert [(problem["file"], problem["line"]) for problem in told["problems"]] == [
        ("llmproxy.toml", 2),
        ("llmproxy.toml", 5),
    ]
    assert told["problems"][0]["message"] == 'unknown key "prot" in [server]. Did you mean "port"?'


def test_a_broken_configuration_is_told_on_standard_error(run, write):
    write("[server]\nport = 'x'")

    result = run("check")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("llmproxy.toml:2: port in [server] must be")


def test_listening_to_the_world_without_clients_is_a_problem(run, write):
    write('[server]\nhost = "0.0.0.0"')

    told = json.loads(run("check", "--json").stdout)

    assert "reachable from other machines" in told["problems"][0]["message"]


def test_a_recording_that_is_not_there_is_a_problem(run, write):
    write('[llm.r]\nprovider = "replay"\nfiles = ["gone.jsonl"]')

    result = run("check")

    assert result.exit_code == 2
    assert "gone.jsonl: cannot be read" in result.stderr


def test_a_ping_asks_for_the_list_of_models_with_the_token(run, upstream):
    upstream.answers(LIST)

    result = run("check", "--ping", "--json")

    assert result.exit_code == 0
    assert llms(result)["up"]["ping_ms"] > 0
    assert upstream.requests[0]["line"] == "GET /v1/models HTTP/1.1"
    assert upstream.requests[0]["headers"]["authorization"] == "Bearer up-secret-token"
    assert "content-type" not in upstream.requests[0]["headers"]


def test_without_ping_nothing_is_sent(run, upstream):
    assert llms(run("check", "--json"))["up"]["ping_ms"] is None
    assert upstream.requests == []


def test_an_llm_that_is_not_asked_over_http_is_not_pinged(run, upstream):
    upstream.answers(LIST)

    echo = llms(run("check", "--ping", "--json"))["echo"]

    assert (echo["ping_ms"], echo["reason"]) == (None, None)


def test_an_upstream_without_a_list_of_models_is_reachable_all_the_same(run, upstream):
    upstream.answers(http(b"nothing here", "404 Not Found"))

    assert run("check", "--ping").exit_code == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("401 Unauthorized", "the token was refused (HTTP 401)"),
        ("403 Forbidden", "the token was refused (HTTP 403)"),
        ("503 Service Unavailable", "the upstream has failed (HTTP 503)"),
    ],
)
def test_a_ping_that_shows_that_the_llm_cannot_be_used_is_told(run, upstream, status, reason):
    upstream.answers(http(b"{}", status))

    result = run("check", "--ping", "--json")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["ok"] is False
    assert (llms(result)["up"]["on"], llms(result)["up"]["reason"]) == (True, reason)


def test_an_upstream_that_is_not_there_is_told(run, upstream):
    upstream.close()

    result = run("check", "--ping")

    assert result.exit_code == 2
    assert "ping up: The provider could not be reached. (Connection refused)\n" in result.stderr


def test_no_token_is_ever_printed(run, upstream):
    upstream.answers(http(b"up-secret-token", "401 Unauthorized"))

    assert "up-secret-token" not in run("check", "--ping").output


@pytest.mark.parametrize(
    ("problem", "file", "line", "message"),
    [
        ("llmproxy.toml:21: port in [server] is wrong: why", "llmproxy.toml", 21, "port in [server] is wrong: why"),
        ("my folder/x.toml: there is no such file", "my folder/x.toml", None, "there is no such file"),
        (".env:3: this line is not NAME=value", ".env", 3, "this line is not NAME=value"),
        ("[server] host '0.0.0.0' is bad: say why", None, None, "[server] host '0.0.0.0' is bad: say why"),
        ("--port must be 1: really", None, None, "--port must be 1: really"),
        ("provider 'a.b:C' cannot be loaded: X", None, None, "provider 'a.b:C' cannot be loaded: X"),
        ("LLMPROXY_PORT must be a number", None, None, "LLMPROXY_PORT must be a number"),
    ],
)
def test_a_problem_is_taken_apart_where_it_has_a_place(problem, file, line, message):
    assert problem_entry(problem) == {"file": file, "line": line, "message": message}
