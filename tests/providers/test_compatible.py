import pytest

from llmproxy import ProviderConfig
from llmproxy.core.chat import Chat, Message, Text, Thinking
from llmproxy.core.tokens import Environment
from llmproxy.providers import PROVIDERS
from llmproxy.providers.compatible import COMPATIBLE, ROWS

PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
}
BODIES = {"chat": {}, "completions": {"prompt": "x"}, "embeddings": {"input": "x"}, "responses": {"input": "x"}}
PROMISED = {
    "groq", "deepseek", "together", "fireworks", "openrouter", "xai", "cerebras", "perplexity", "nvidia",
    "huggingface", "zai", "moonshot", "vllm", "lmstudio", "llamacpp",
}  # fmt: skip


def made(name, **settings):
    environment = Environment([], {ROWS[name].token_env or "NONE": "row-token"})
    return COMPATIBLE[name](ProviderConfig(name=name, environment=environment, **settings))


def request_for(provider, parse, dialect):
    return provider.prepare(provider.call(parse(f"openai.{dialect}", **{"model": "m", **BODIES[dialect]})))


def test_every_promised_host_has_a_row():
    assert set(ROWS) == PROMISED


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_is_found_by_its_name(name):
    assert PROVIDERS.get(name) is COMPATIBLE[name]


@pytest.mark.parametrize(("name", "dialect"), [(name, each) for name in sorted(ROWS) for each in ROWS[name].dialects])
def test_a_row_sends_each_of_its_dialects_to_its_own_host_with_its_own_token(parse, name, dialect):
    request = request_for(made(name), parse, dialect)
    assert request.url == ROWS[name].base_url + PATHS[dialect]
    assert request.headers.get("Authorization") == ("Bearer row-token" if ROWS[name].token_env else None)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_speaks_chat_and_what_it_says(name):
    assert made(name).spoken() == tuple(f"openai.{dialect}" for dialect in ROWS[name].dialects)
    assert "chat" in ROWS[name].dialects


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_is_encrypted_unless_it_is_on_this_machine(name):
    assert ROWS[name].base_url.startswith(("https://", "http://127.0.0.1:"))
    assert not ROWS[name].base_url.endswith("/")


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_on_this_machine_needs_no_token_and_any_other_does(name):
    assert (ROWS[name].token_env is None) == ROWS[name].base_url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_says_where_it_was_read(name):
    assert ROWS[name].documents.startswith("https://")
    assert ROWS[name].documents in COMPATIBLE[name].__doc__


@pytest.mark.parametrize("name", sorted(name for name in ROWS if not ROWS[name].asks_usage))
def test_a_row_that_refuses_stream_options_is_not_asked_for_usage(parse, name):
    provider = made(name)
    assert b"stream_options" not in provider.prepare(provider.call(parse(stream=True))).body


def test_a_token_of_a_row_goes_to_no_other_host(parse):
    request = request_for(made("groq", base_url="https://other.example/v1"), parse, "chat")
    assert "Authorization" not in request.headers


def test_a_row_may_be_given_a_dialect_it_does_not_have(parse):
    provider = made("cerebras", options={"dialects": ["chat", "responses"]})
    assert request_for(provider, parse, "responses").url == "https://api.cerebras.ai/v1/responses"


THOUGHTFUL = {"deepseek", "moonshot", "openrouter", "vllm", "zai"}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_row_takes_thoughts_back_where_its_documents_say_so(name):
    chat = Chat("m", (Message("assistant", (Thinking("hmm"), Text("hi"))),))
    body, lost = made(name).dialect("openai.chat").write_request(chat)
    assert (body["messages"][0].get("reasoning_content") == "hmm") == (name in THOUGHTFUL)
    assert lost == ([] if name in THOUGHTFUL else ["thinking"])


@pytest.mark.parametrize("name", sorted(THOUGHTFUL))
def test_a_row_says_where_it_was_read_that_thoughts_are_taken_back(name):
    assert ROWS[name].thoughts.startswith("https://")


def test_no_two_vendors_claim_the_same_model_names():
    claimed = [pattern for name in PROVIDERS.names() for pattern in getattr(PROVIDERS.get(name), "model_patterns", ())]
    assert len(claimed) == len(set(claimed))
