import json

import pytest

from llmproxy import ConfigError, ProviderConfig
from llmproxy.core.context import RequestContext
from llmproxy.core.tokens import Environment
from llmproxy.providers import PROVIDERS
from llmproxy.providers.ollama import OllamaProvider

URL = "http://127.0.0.1:11434"
HELLO = {"model": "m", "message": {"role": "assistant", "content": "hello"}, "done": True, "done_reason": "stop"}


def made(env=None, **settings):
    return OllamaProvider(ProviderConfig(name="local", environment=Environment([], env or {}), **settings))


def sent(provider, request):
    return provider.prepare(provider.call(request))


@pytest.fixture
def ask_ollama(parse):
    def ask(**body):
        return parse("ollama.chat", model="m", messages=[{"role": "user", "content": "hi"}], **body)

    return ask


def test_it_is_found_by_its_name():
    assert PROVIDERS.get("ollama") is OllamaProvider


def test_nobody_needs_a_token_for_a_model_of_ones_own(ask_ollama):
    request = sent(made(), ask_ollama())
    assert request.url == f"{URL}/api/chat"
    assert "Authorization" not in request.headers


def test_a_token_is_a_bearers_where_one_is_configured(ask_ollama):
    request = sent(made({"KEY": "k"}, token_env="KEY", base_url="https://ollama.com"), ask_ollama())
    assert (request.url, request.headers["Authorization"]) == ("https://ollama.com/api/chat", "Bearer k")


@pytest.mark.parametrize("keep_alive", ["10m", -1, 0, 1.5])
def test_models_stay_loaded_as_long_as_is_configured(ask_ollama, parse, keep_alive):
    provider = made(options={"keep_alive": keep_alive})
    for request in (ask_ollama(), parse()):
        assert json.loads(sent(provider, request).body)["keep_alive"] == keep_alive


def test_how_long_a_model_stays_loaded_is_the_clients_to_say(ask_ollama):
    body = json.loads(sent(made(options={"keep_alive": "10m"}), ask_ollama(keep_alive=0)).body)
    assert body["keep_alive"] == 0


def test_nothing_is_said_of_it_by_default(ask_ollama):
    assert "keep_alive" not in json.loads(sent(made(), ask_ollama()).body)


@pytest.mark.parametrize("keep_alive", [True, ["5m"]])
def test_a_duration_that_is_none_is_refused(keep_alive):
    with pytest.raises(ConfigError):
        made(options={"keep_alive": keep_alive})


def test_a_ping_asks_for_the_models(up):
    up.get(f"{URL}/api/tags", json={"models": []})
    assert made().ping(RequestContext()) == 200


def test_a_request_of_its_own_clients_goes_as_it_came(ask_ollama):
    request = ask_ollama(options={"num_ctx": 9}, of_next_week=1)
    assert sent(made(), request).body == request.to_json()


def test_a_stream_of_its_own_is_relayed_byte_for_byte(ask_ollama, up):
    lines = b"".join(json.dumps(line).encode() + b" \n" for line in ({**HELLO, "done": False, "x": 1}, HELLO))
    up.post(f"{URL}/api/chat", body=lines, content_type="application/x-ndjson")
    with made().execute(ask_ollama()) as answer:
        assert answer.content_type == "application/x-ndjson"
        assert b"".join(answer) == lines


def test_a_stream_that_ends_without_its_last_line_was_cut(ask_ollama, up):
    up.post(f"{URL}/api/chat", json.dumps({**HELLO, "done": False}) + "\n", content_type="application/x-ndjson")
    answer = made().execute(ask_ollama())
    assert b'"error"' in b"".join(answer)
    answer.close()


def test_an_openai_client_is_answered_in_its_own_words(parse, up):
    up.post(f"{URL}/api/chat", json={**HELLO, "prompt_eval_count": 3, "eval_count": 2})
    request = parse(seed=7, logit_bias={"1": 1})
    answer = made().execute(request)
    body = json.loads(b"".join(answer))
    answer.close()
    assert body["choices"][0]["message"]["content"] == "hello"
    assert json.loads(up.calls[0].request.body)["options"] == {"seed": 7}
    assert request.context.attempts[0].dropped == ("logit_bias",)


def test_a_loaded_model_is_an_answer_even_to_a_stream(parse, up):
    up.post(f"{URL}/api/chat", json={**HELLO, "done_reason": "load", "message": {"role": "assistant", "content": ""}})
    answer = made().execute(parse("ollama.chat", model="m", messages=[]))
    lines = [json.loads(line) for line in b"".join(answer).splitlines()]
    answer.close()
    assert [(line["done"], line["done_reason"]) for line in lines] == [(True, "load")]
