"""docs/custom-providers.md: what it shows is what there is, and each of its blocks works as it stands there. Its
transcript is replayed in test_transcript.py, its four ways in are served in examples/test_providers.py."""

import importlib
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout

import pytest
from fakes import completion

from docs.blocks import ROOT, block, blocks
from llmproxy import ConfigError, Provider, TokenError, create_app, load_config

PAGE = "docs/custom-providers.md"
FOLDERS = (ROOT / "examples" / "providers", ROOT / "examples" / "guide")
SHOWN = [each for each in blocks(PAGE) if each.file]
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def test_there_is_nothing_on_the_page_that_is_not_tried():
    shown = [each.language for each in SHOWN]
    found = [each.language for each in blocks(PAGE)]
    assert (shown.count("python"), shown.count("toml"), found.count("text")) == (8, 1, 2)
    assert (found.count("python"), found.count("toml"), found.count("console")) == (18, 10, 3)
    assert set(found) == {"python", "toml", "console", "text"}


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.file.name)
def test_what_the_page_shows_is_what_the_file_holds(shown):
    assert shown.code == shown.file.read_text(encoding="utf-8")


def test_every_example_is_on_the_page():
    files = [file for folder in FOLDERS for file in folder.iterdir() if file.is_file()]
    assert {each.file for each in SHOWN} == set(files)


def test_every_name_of_ours_that_the_page_mentions_is_there():
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"`(llmproxy(?:\.\w+)*\.[A-Z]\w+)`", text))
    assert len(named) > 8
    for module, _, name in (each.rpartition(".") for each in named):
        assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


# The shortest door, and what a generator may say.


@pytest.fixture
def write(newcomers):
    """Writes the block in a language that holds a word."""

    def write_block(file, language, word):
        path = newcomers / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(block(PAGE, language, word).code, encoding="utf-8")

    return write_block


def test_the_shortest_provider_answers_as_the_page_says(write, newcomers):
    (newcomers / "shout.py").write_text(blocks(PAGE, "python")[0].code, encoding="utf-8")
    (newcomers / "llmproxy.toml").write_text(blocks(PAGE, "toml")[0].code, encoding="utf-8")
    command, said = block(PAGE, "console", "llmproxy chat").code.splitlines()
    words = shlex.split(command.removeprefix("$ llmproxy"))
    done = subprocess.run([sys.executable, "-m", "llmproxy", *words], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (said, 0)


@pytest.fixture
def oracle(write):
    write("oracle.py", "python", "class Oracle")
    return create_app({"llm": {"oracle": {"provider": "oracle:Oracle"}}}).test_client()


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_and_calls_reach_the_clients_of_openai(oracle, ask, stream):
    tools = [{"type": "function", "function": TOOL}]
    said = ask(oracle, CHAT, model="oracle/m", tools=tools, stream=stream).get_data(as_text=True)
    for words in ("They want the weather.", "I will look.", '"weather"', r"{\"city\": \"Paris\"}", '"tool_calls"'):
        assert words in said


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_and_calls_reach_the_clients_of_anthropic(oracle, ask, stream):
    tools = [{"name": "weather", "input_schema": TOOL["parameters"]}]
    said = ask(oracle, MESSAGES, model="oracle/m", max_tokens=9, tools=tools, stream=stream).get_data(as_text=True)
    for words in ("They want the weather.", "I will look.", '"weather"', "Paris", '"tool_use"'):
        assert words in said


def test_a_generator_need_not_call_a_tool(oracle, ask):
    assert ask(oracle, CHAT, model="oracle/m").json["choices"][0]["finish_reason"] == "stop"


def test_the_command_checks_what_has_only_a_table():
    command, said = block(PAGE, "console", "test-provider").code.splitlines()
    words = shlex.split(command.partition(" | ")[0].removeprefix("$ llmproxy"))
    done = subprocess.run([sys.executable, "-m", "llmproxy", *words], cwd=FOLDERS[0], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == said
    assert done.returncode == 0


# The five steps.


def test_the_system_made_by_hand_passes_its_test():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(command, cwd=FOLDERS[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_client_made_by_hand_serves_an_llm_of_the_configuration(newcomers, monkeypatch, up, ask):
    monkeypatch.syspath_prepend(FOLDERS[1])
    monkeypatch.setenv("CUSTOM_API_KEY", "custom-token")
    up.post("https://api.custom.example/v1/chat/completions", json={**completion("hi"), "id": "1"})
    client = create_app({"llm": {"custom": {"provider": "custom_provider:CustomProvider"}}}).test_client()
    assert ask(client, model="custom/m").json["choices"][0]["message"]["content"] == "hi"
    assert up.calls[0].request.headers["Authorization"] == "Bearer custom-token"


def test_its_configuration_has_defaults(newcomers, monkeypatch):
    monkeypatch.syspath_prepend(FOLDERS[1])
    made = block(PAGE, "python", '"https://custom.example"').run()
    assert made["provider"].url_provider.get_url() == "https://custom.example"
    timeouts = made["config"].timeouts
    assert (timeouts.first_event_secs, timeouts.connect_secs, made["config"].max_retries) == (30, 5, 3)


def test_what_makes_no_sense_is_refused_in_the_words_of_the_page():
    with redirect_stdout(io.StringIO()) as printed:
        block(PAGE, "python", "sk-not-a-variable").run()
    assert printed.getvalue() == block(PAGE, "text", "base_url must").code


def test_options_of_ones_own_have_defaults_and_are_checked(write, newcomers):
    write("shout.py", "python", "ShoutOptions")
    write("llmproxy.toml", "toml", 'mark = "!!!!"')
    with pytest.raises(ConfigError) as caught:
        load_config("llmproxy.toml")
    assert "\n".join(caught.value.problems) == block(PAGE, "text", "Longer than").code.strip()
    llms = create_app({"llm": {"shout": {"provider": "shout:Shout"}}}).extensions["llmproxy"][0].gateway.llms
    assert isinstance(llms["shout"], Provider)
    assert llms["shout"].options == {"mark": "!"}


# Other parts of one's own.


def said_by(client, ask, model):
    return ask(client, model=model).json["choices"][0]["message"]["content"]


def test_a_command_gives_the_token(write, up, ask):
    write("command_token.py", "python", "class CommandToken")
    up.post("https://llm.example/v1/chat/completions", json=completion("hi"))
    client = create_app(tomllib.loads(block(PAGE, "toml", "command_token").code)).test_client()
    assert said_by(client, ask, "vault/m") == "hi"
    assert up.calls[0].request.headers["Authorization"] == "Bearer token-of-a-command"


def test_a_command_is_run_once_while_its_token_is_young_and_told_of_when_it_fails(write, newcomers):
    write("command_token.py", "python", "class CommandToken")
    sys.path.insert(0, str(newcomers))
    kind = importlib.import_module("command_token").CommandToken
    counting = ["sh", "-c", "echo x >> count; wc -l < count"]
    young, old = kind(counting), kind(counting, keep_secs=0)
    assert [young.get_token(), young.get_token()] == ["1", "1"]
    assert [old.get_token(), old.get_token()] == ["2", "3"]
    with pytest.raises(TokenError) as caught:
        kind(["false"]).get_token()
    assert caught.value.detail == "false gave no token"


def test_a_file_gives_the_base_url_and_no_token_goes_there_unnamed(write, up, ask, newcomers, monkeypatch):
    write("url_in_file.py", "python", "class UrlInFile")
    (newcomers / "nearest.txt").write_text("https://near.example/v1\n")
    monkeypatch.setenv("NEAR_TOKEN", "near-token")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-s-own")
    up.post("https://near.example/v1/chat/completions", json=completion("hi"))
    table = tomllib.loads(block(PAGE, "toml", "url_in_file").code)
    assert said_by(create_app(table).test_client(), ask, "near/m") == "hi"
    del table["llm"]["near"]["token_env"]
    assert said_by(create_app(table).test_client(), ask, "near/m") == "hi"
    assert [call.request.headers.get("Authorization") for call in up.calls] == ["Bearer near-token", None]


def test_a_policy_says_who_is_asked_first(write, ask):
    write("own_first.py", "python", "class OwnFirst")
    client = create_app(tomllib.loads(block(PAGE, "toml", "own_first").code)).test_client()
    assert said_by(client, ask, "any") == "hello"


@pytest.fixture
def plugged(write):
    """The application whose folder of plug-ins holds a file with the block that holds a word."""

    def serve(word):
        write("plugins/plugged_in.py", "python", word)
        write("llmproxy.toml", "toml", "[plugins]")
        return create_app("llmproxy.toml").test_client()

    return serve


def test_a_parser_takes_the_place_of_the_one_that_is_there(plugged, ask):
    client = plugged("class PromptChat")
    answer = ask(client, raw=json.dumps({"model": "echo", "prompt": "hello there"}))
    assert answer.json["choices"][0]["message"]["content"] == "hello there"
    assert said_by(client, ask, "echo") == "hello"


def test_a_dialect_is_spoken_at_its_path(plugged, ask):
    client = plugged("class SayDialect")
    assert ask(client, "/say", raw='{"model": "echo", "say": "hello there"}').json == {"said": "hello there"}
    stream = ask(client, "/say", raw='{"model": "echo", "say": "hello there", "stream": true}').get_data(as_text=True)
    assert [json.loads(line)["said"] for line in re.findall("data: (.*)", stream)] == ["hello", " there"]
    refused = ask(client, "/say", raw='{"model": "echo"}')
    assert (refused.status_code, list(refused.json)) == (400, ["error"])
