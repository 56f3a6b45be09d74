"""What is shown of a request to each upstream in each client's dialect: nothing is sent, and no token is fetched."""

import json
import socket

import pytest

pytest.importorskip("botocore", reason="botocore comes with the bedrock extra")
pytest.importorskip("google.auth", reason="google-auth comes with the vertex extra")

CONFIG = """
    [llm.anthropic]
    provider = "anthropic"

    [llm.azure]
    provider = "azure_openai"
    base_url = "https://res.openai.azure.com"

    [llm.bedrock]
    provider = "bedrock"
    region = "us-east-1"

    [llm.cohere]
    provider = "cohere"

    [llm.entra]
    provider = "azure_openai"
    base_url = "https://res.openai.azure.com"
    entra = true

    [llm.gemini]
    provider = "gemini"

    [llm.mistral]
    provider = "mistral"

    [llm.ollama]
    provider = "ollama"

    [llm.openai]
    provider = "openai"

    [llm.vertex]
    provider = "vertex"
    project = "mine"
"""
SECRET = "canary-0123456789"
AWS = {"AWS_ACCESS_KEY_ID": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET}
ENTRA = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": SECRET}
KEYS = {f"{name}_API_KEY": SECRET for name in ("ANTHROPIC", "AZURE_OPENAI", "COHERE", "GEMINI", "MISTRAL", "OPENAI")}

HELLO = {"role": "user", "content": "hi"}
CLIENTS = {
    "openai.chat": ("/v1/chat/completions", {"messages": [HELLO]}),
    "openai.responses": ("/v1/responses", {"input": "hi"}),
    "openai.completions": ("/v1/completions", {"prompt": "hi"}),
    "anthropic.messages": ("/v1/messages", {"messages": [HELLO], "max_tokens": 9}),
    "gemini.generate": (
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
    "ollama.chat": ("/api/chat", {"messages": [HELLO], "stream": False}),
}
COUNTING = {
    "anthropic.count_tokens": ("/v1/messages/count_tokens", {"messages": [HELLO]}),
    "gemini.count_tokens": ("/v1beta/models/{model}:countTokens", {"contents": [{"parts": [{"text": "hi"}]}]}),
}

BEARER = {"Authorization": "Bearer ***"}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 ***", "X-Amz-Date": "***", "X-Amz-Security-Token": "***"}
UPSTREAMS = {
    "anthropic/m": ("anthropic.messages", {"x-api-key": "***"}),
    "azure/m": ("openai.chat", {"api-key": "***"}),
    "bedrock/meta.llama3": ("bedrock.converse", SIGNED),
    "cohere/m": ("cohere.chat", BEARER),
    "entra/m": ("openai.chat", BEARER),
    "gemini/m": ("gemini.generate", {"x-goog-api-key": "***"}),
    "mistral/m": ("openai.chat", BEARER),
    "ollama/m": ("ollama.chat", {}),
    "openai/m": ("openai.chat", BEARER),
    "vertex/m": ("gemini.generate", BEARER),
}
OWN_DIALECTS = {
    "anthropic": {"anthropic.messages"},
    "azure": {"openai.chat", "openai.responses", "openai.completions"},
    "bedrock": set(),  # Anthropic's for Claude alone
    "entra": {"openai.chat", "openai.responses", "openai.completions"},
    "gemini": {"gemini.generate"},
    "ollama": {"ollama.chat"},
    "openai": {"openai.chat", "openai.responses", "openai.completions"},
    "vertex": {"gemini.generate"},
}
BODIES = {
    "anthropic.messages": {"messages": [HELLO]},
    "bedrock.converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    "cohere.chat": {"messages": [HELLO]},
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "ollama.chat": {"messages": [HELLO]},
    "openai.chat": {"messages": [HELLO]},
    "openai.completions": {"prompt": "hi"},
    "openai.responses": {"input": "hi"},
}


@pytest.fixture
def offline(monkeypatch):
    """A machine without a network."""

    def connect(*arguments):
        pytest.fail(f"a connection to {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def explain(run, write, offline):
    """Explains a request of a client's to a model; gives the whole outcome and the one target."""
    write(CONFIG)

    def ask(client, model, **members):
        path, body = {**CLIENTS, **COUNTING}[client]
        named = {} if "{model}" in path else {"model": model}
        stdin = json.dumps({**named, **body, **members})
        result = run("explain", path.replace("{model}", model), "-", stdin=stdin, env={**KEYS, **AWS, **ENTRA})
        assert result.exit_code == 0, result.output
        assert SECRET not in result.output
        told = json.loads(result.stdout)
        return told, told["targets"][0], result.stderr

    return ask


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_body_is_that_of_the_upstream_in_its_own_dialect(explain, client, model):
    llm, _, name = model.partition("/")
    dialect, _ = UPSTREAMS[model]
    dialect = client if client in OWN_DIALECTS.get(llm, ()) else dialect
    told, target, _ = explain(client, model)
    assert (told["dialect"], target["dialect"], target["model"]) == (client, dialect, name)
    assert BODIES[dialect].items() <= target["body"].items()


@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("client", ["openai.chat", "gemini.generate"])
def test_what_the_token_is_put_in_is_masked(explain, client, model):
    _, secret = UPSTREAMS[model]
    headers = explain(client, model)[1]["headers"]
    assert {name: value for name, value in headers.items() if value and value.endswith("***")} == secret


@pytest.mark.parametrize(("model", "fetches"), [("vertex/m", True), ("entra/m", True), ("openai/m", False)])
def test_a_token_that_would_have_to_be_fetched_is_not_looked_for(explain, model, fetches):
    notes = explain("openai.chat", model)[2]
    assert ("may have to fetch a token first" in notes) == fetches


def test_credentials_that_are_not_at_hand_are_not_looked_for(run, write, offline):
    write(CONFIG)
    body = json.dumps({"model": "bedrock/meta.llama3", "messages": [HELLO]})
    result = run("explain", "/v1/chat/completions", "-", stdin=body)
    assert json.loads(result.stdout)["targets"][0]["headers"]["Authorization"] == "AWS4-HMAC-SHA256 ***"
    assert "bedrock may have to fetch a token first" in result.stderr


def test_what_the_upstreams_dialect_cannot_say_is_listed_in_the_clients_words(explain):
    told, target, _ = explain("gemini.generate", "openai/m", generationConfig={"topK": 5, "topP": 0.5}, labels={})
    assert (told["dropped"], target["body"]["top_p"]) == (["topK", "labels"], 0.5)


def test_what_the_upstreams_dialect_says_otherwise_is_not_dropped(explain):
    told, target, _ = explain("openai.chat", "gemini/m", top_k=5)
    assert (told["dropped"], target["body"]["generationConfig"]) == ([], {"topK": 5})


def test_what_the_provider_leaves_out_is_listed_as_well(explain):
    told, target, _ = explain("anthropic.messages", "bedrock/anthropic.claude-x", metadata={"user_id": "me"})
    assert (told["dropped"], target["url"].rpartition("/")[2]) == (["metadata"], "invoke")
    assert "metadata" not in target["body"]


@pytest.mark.parametrize("client", COUNTING)
@pytest.mark.parametrize(("model", "counts"), [("anthropic/m", True), ("gemini/m", True), ("openai/m", False)])
def test_a_count_is_estimated_where_the_upstream_has_none(explain, client, model, counts):
    _, target, notes = explain(client, model)
    assert (target["url"] is not None, "are estimated" not in notes) == (counts, counts)
