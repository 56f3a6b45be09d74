"""The four ways in of docs/custom-providers.md: how short they are, that they keep the contract, and that the
application serves each of them to the clients of every dialect."""

import re
import runpy
import subprocess
import sys
import tomllib

import pytest
from docs.blocks import ROOT, block
from docs.lines import lines_of_code

from llmproxy import Chat, Message, Text, create_app, load_config
from llmproxy.cli.contract import find_subject
from llmproxy.testing import WORDS, FaultUpstream
from llmproxy.testing.contract import CHECKS
from llmproxy.testing.contract.bench import Bench
from llmproxy.testing.contract.dialects import ASKING
from llmproxy.testing.contract.promises import result_of

PAGE = "docs/custom-providers.md"
EXAMPLES = ROOT / "examples" / "providers"
HOSTS = {"house": "openai.chat", "mirror": "anthropic.messages", "lab": "gemini.generate", "shed": "ollama.chat"}
CLASSES = {"acme": "acme.py", "scribe": "scribe.py", "local": "local_model.py"}
LIMITS = {"acme": 12, "scribe": 30, "local": 20}
PATHS = {
    "anthropic.messages": "/v1/messages",
    "gemini.generate": "/v1beta/models/{model}:{method}",
    "ollama.chat": "/api/chat",
    "openai.chat": "/v1/chat/completions",
    "openai.completions": "/v1/completions",
    "openai.responses": "/v1/responses",
}


def asked(text):
    return Chat("m", (Message("user", (Text(text),)),))


def text_of(file):
    return (EXAMPLES / file).read_text(encoding="utf-8")


def table_of(way):
    """The `[llm.*]` table that the page gives a way."""
    shown = tomllib.loads(text_of("llmproxy.toml") if way in HOSTS else block(PAGE, "toml", f"[llm.{way}]").code)
    return shown["llm"][way]


@pytest.fixture
def served(newcomers, monkeypatch):
    """Serves a way in between an upstream that says "one two" and a client; gives both."""
    monkeypatch.syspath_prepend(EXAMPLES)
    with FaultUpstream() as upstream:

        def serve(way):
            table = {**table_of(way), "base_url": upstream.url, "token_env": "WAY_TOKEN"}
            if way in HOSTS:
                upstream.words = WORDS[HOSTS[way]]
            elif way == "scribe":
                upstream.words = runpy.run_path(str(EXAMPLES / "test_providers.py"))["SCRIBE"]
            monkeypatch.setenv("WAY_TOKEN", "token-of-the-way")
            return upstream, create_app({"llm": {way: table}}).test_client()

        yield serve


def test_each_is_as_short_as_was_promised():
    counts = {way: lines_of_code(text_of(file)) for way, file in CLASSES.items()}
    assert all(0 < counts[way] <= limit for way, limit in LIMITS.items())
    table = re.findall(r"^\| is .* \| (\d+) \|$", (ROOT / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    assert table == ["0", *map(str, counts.values())]


def test_every_class_keeps_the_contract():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_providers.py"]
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", HOSTS)
def test_every_table_keeps_the_contract(way):
    subject = find_subject(way, load_config(EXAMPLES / "llmproxy.toml"))
    for check in CHECKS:
        with Bench(subject, crowd=(8, 4)) as bench:
            result = result_of(check, bench)
            assert result.result != "failed", f"{result.name}: {result.why}"


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("dialect", ASKING)
@pytest.mark.parametrize("way", [*HOSTS, *CLASSES])
def test_the_clients_of_every_dialect_are_answered(served, get, way, dialect, stream):
    _, client = served(way)
    body, path = ASKING[dialect]("two one", f"{way}/m", stream)
    answer = get(client, PATHS[dialect].format(**path), "POST", json=body)
    said = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "one" in said
    assert "two" in said


def test_what_differs_is_said_by_the_table(served, ask):
    upstream, client = served("house")
    assert ask(client, model="house/m").status_code == 200
    (request,) = upstream.requests
    assert (request.path, request.headers["x-team"]) == ("/v1/generate", "search")
    upstream, client = served("lab")
    assert ask(client, model="lab/m").status_code == 200
    assert upstream.requests[-1].path == "/v1/projects/7/models/m:generateContent"
    upstream, client = served("mirror")
    assert ask(client, model="mirror/m").status_code == 200
    assert upstream.requests[-1].headers["anthropic-version"] == "2023-01-01"


def test_what_differs_is_said_by_the_class(served, ask):
    upstream, client = served("acme")
    assert ask(client, model="acme/m", max_tokens=7).status_code == 200
    (request,) = upstream.requests
    assert (request.path, request.headers["x-acme-key"]) == ("/v1/chat", "token-of-the-way")
    assert (request.json()["max_length"], "max_tokens" in request.json()) == (7, False)


def test_without_a_token_none_is_sent(served, ask):
    upstream, _ = served("acme")
    client = create_app({"llm": {"acme": {**table_of("acme"), "base_url": upstream.url}}}).test_client()
    assert ask(client, model="acme/m").status_code == 200
    assert "x-acme-key" not in upstream.requests[-1].headers


def test_what_a_generator_does_not_look_at_is_refused_or_named(served, ask):
    upstream, client = served("scribe")
    refused = ask(client, model="scribe/m", tools=[{"type": "function", "function": {"name": "f"}}])
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "unsupported_feature")
    assert not upstream.requests
    answered = ask(client, model="scribe/m", temperature=0.5, top_p=0.9)
    assert (answered.status_code, answered.headers["x-llmproxy-dropped"]) == (200, "top_p")
    assert upstream.requests[0].json()["daring"] == 0.5


def test_a_generator_s_usage_and_its_end_arrive(served, ask):
    _, client = served("scribe")
    said = ask(client, model="scribe/m").json
    assert (said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"]) == (5, 7)
    assert said["choices"][0]["finish_reason"] == "stop"


def test_a_model_in_this_process_serves_one_at_a_time(newcomers, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    provider = create_app({"llm": {"local": table_of("local")}}).extensions["llmproxy"][0].gateway.llms["local"]
    first = provider.chat(asked("one two"))
    assert next(first) == "two "
    second = provider.chat(asked("three"))
    assert next(second) == ""  # it is not its turn
    first.close()
    assert list(second) == ["three "]
