import json

import pytest
from fakes import sse

from llmproxy.config.models import ProviderConfig
from llmproxy.core.errors import ConfigError
from llmproxy.providers.anthropic import AnthropicProvider

HOST = "https://claude.example"
MESSAGES, COUNT = f"{HOST}/v1/messages", f"{HOST}/v1/messages/count_tokens"
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-0",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}


def named(*events):
    """A stream's body, each event with its type."""
    return b"".join(b"event: %s\n" % event["type"].encode() + sse(event) for event in events)


STREAM = named(
    {"type": "message_start", "message": {**ANSWER, "content": [], "usage": {"input_tokens": 5, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)


@pytest.fixture
def client(make_app):
    """Calls an application whose one llm has these keys."""

    def client_of(**keys):
        table = {"provider": "anthropic", "base_url": HOST, "token_env": "UP_KEY", **keys}
        return make_app({"llm": {"up": table}}).test_client()

    return client_of


@pytest.fixture
def sent(client, ask, up):
    """Asks through an application; gives the request that was sent."""

    def send(path="/v1/messages", headers=None, keys=None, **body):
        up.post(MESSAGES, json=ANSWER)
        up.post(COUNT, json={"input_tokens": 3})
        assert ask(client(**(keys or {})), path, headers, **body).status_code == 200
        return up.calls[-1].request

    return send


def test_the_token_has_a_header_of_its_own(sent):
    request = sent()
    assert request.headers["x-api-key"] == "up-token"
    assert "Authorization" not in request.headers


def test_a_version_is_required_so_one_is_always_said(sent):
    assert sent().headers["anthropic-version"] == "2023-06-01"
    assert sent(path="/v1/chat/completions").headers["anthropic-version"] == "2023-06-01"
    assert sent(keys={"version": "2024-01-01"}).headers["anthropic-version"] == "2024-01-01"


def test_the_clients_own_version_wins(sent):
    assert sent(headers={"anthropic-version": "2022-01-01"}).headers["anthropic-version"] == "2022-01-01"


@pytest.mark.parametrize(
    ("beta", "own", "said"),
    [
        ([], "a", "a"),
        ("x", None, "x"),
        ("x, y", "a", "x,y,a"),
        (["x", "y"], "a, x", "x,y,a"),
    ],
)
def test_betas_of_the_configuration_and_of_the_client_are_joined(sent, beta, own, said):
    headers = {"anthropic-beta": own} if own else {}
    assert sent(keys={"beta": beta}, headers=headers).headers["anthropic-beta"] == said


def test_without_betas_there_is_no_header_for_them(sent):
    assert "anthropic-beta" not in sent().headers


def test_what_clients_of_another_dialect_say_to_their_vendor_goes_nowhere(sent):
    request = sent(path="/v1/chat/completions", headers={"anthropic-beta": "a", "anthropic-version": "b"})
    assert "anthropic-beta" not in request.headers
    assert request.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize("beta", [7, [7], {"a": 1}])
def test_betas_are_names(beta):
    with pytest.raises(ConfigError, match="beta"):
        AnthropicProvider(ProviderConfig(base_url=HOST, options={"beta": beta}))


@pytest.mark.parametrize(
    ("written", "url"),
    [
        (None, "https://api.anthropic.com/v1"),
        ("https://api.anthropic.com", "https://api.anthropic.com/v1"),
        ("https://claude.example/", "https://claude.example/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("https://claude.example/v1", "https://claude.example/v1"),
        ("https://claude.example/anthropic/v2", "https://claude.example/anthropic/v2"),
    ],
)
def test_a_base_url_without_a_path_gets_the_version(written, url):
    assert AnthropicProvider(ProviderConfig(base_url=written)).url_provider.get_url() == url


def test_a_body_in_its_own_dialect_goes_as_it_came(sent):
    body = b'{"model":"up/m",  "messages":[{"role":"user","content":"hi"}], "of_next_week": 1}'
    assert json.loads(sent(raw=body).body) == {**json.loads(body), "model": "m"}


def test_a_chat_of_another_dialect_becomes_messages(sent):
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    body = json.loads(sent(path="/v1/chat/completions", model="up/claude-sonnet-4-0", messages=messages).body)
    assert body == {
        "model": "claude-sonnet-4-0",
        "system": "be kind",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 8192,
    }


def test_what_could_not_be_said_is_listed_in_the_clients_words(client, ask, up):
    up.post(MESSAGES, json=ANSWER)
    response = ask(client(), seed=1, metadata={"a": "b"})
    assert response.headers["x-llmproxy-dropped"] == "seed, metadata"
    assert response.json["choices"][0]["message"]["content"] == "hi"


def test_a_stream_is_relayed_byte_for_byte_and_its_usage_is_that_of_both_ends(client, ask, up, logged):
    up.post(MESSAGES, body=STREAM, content_type="text/event-stream")
    assert ask(client(), "/v1/messages", stream=True).data == STREAM
    (request,) = logged.requests
    assert (request["input_tokens"], request["output_tokens"]) == (5, 7)


def test_a_stream_reaches_clients_of_another_dialect(client, ask, up):
    up.post(MESSAGES, body=STREAM, content_type="text/event-stream")
    lines = ask(client(), stream=True).text.split("\n\n")
    assert json.loads(lines[1].removeprefix("data: "))["choices"][0]["delta"]["content"] == "hi"
    assert lines[-2] == "data: [DONE]"


def test_an_overloaded_upstream_is_529_to_its_own_clients_and_503_to_others(client, ask, up):
    up.post(MESSAGES, status=529, json={"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}})
    app = client()
    assert ask(app, "/v1/messages").status_code == 529
    assert ask(app).status_code == 503


def test_an_answer_says_the_requests_id_where_its_clients_look(client, ask, up):
    up.post(MESSAGES, json=ANSWER)
    app = client()
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        headers = ask(app, path, {"x-request-id": "mine"}).headers
        assert (headers["request-id"], headers["x-request-id"]) == ("mine", "mine")
    assert "request-id" not in ask(app).headers


def test_limits_of_its_rate_pass(client, ask, up):
    up.post(MESSAGES, json=ANSWER, headers={"anthropic-ratelimit-requests-remaining": "7", "retry-after": "9"})
    headers = ask(client(), "/v1/messages").headers
    assert headers["anthropic-ratelimit-requests-remaining"] == "7"
    assert "Retry-After" not in headers  # the upstream says it of answers that went well, too


def test_tokens_are_counted_upstream(client, ask, up):
    up.post(COUNT, json={"input_tokens": 3})
    response = ask(client(), "/v1/messages/count_tokens")
    assert (response.json, "x-llmproxy-estimated" in response.headers) == ({"input_tokens": 3}, False)
    assert json.loads(up.calls[0].request.body)["model"] == "m"
