"""A request whose target speaks another dialect: what is sent, what is told, what is refused."""

import json

import pytest
from fakes import BASE_URL, CHAT_URL, STREAM, completion, upstream

MESSAGES = "/v1/messages"
HELLO = {"model": "up/m", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def app(make_app):
    """A proxy with one upstream that speaks OpenAI's chat alone."""

    def make(**server):
        tables = {**upstream(dialects=["chat"]), "server": server}
        return make_app(tables, {"UP_KEY": "up-token"}).test_client()

    return make


def post(client, path=MESSAGES, headers=None, **members):
    return client.post(path, json={**HELLO, **members}, headers=headers)


def sent(up):
    return json.loads(up.calls[0].request.body)


def test_a_request_is_written_in_the_targets_words(app, up):
    up.post(CHAT_URL, json=completion("hi"))
    response = post(app(), system="be brief", stop_sequences=["END"])
    assert sent(up) == {
        "model": "m",
        "max_tokens": 100,
        "stop": ["END"],
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
    }
    assert response.json["content"] == [{"type": "text", "text": "hi"}]
    assert (response.json["stop_reason"], response.json["usage"]["input_tokens"]) == ("end_turn", 5)


def test_a_stream_is_asked_for_with_its_usage_and_written_in_the_clients_words(app, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    text = post(app(), stream=True).get_data(as_text=True)
    assert sent(up)["stream_options"] == {"include_usage": True}
    assert [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event")] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip


def test_what_the_target_cannot_say_is_named_in_the_clients_words(app, up):
    up.post(CHAT_URL, json=completion())
    cached = [{"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}]
    response = post(app(), top_k=5, messages=[{"role": "user", "content": cached}])
    assert set(response.headers["x-llmproxy-dropped"].split(", ")) == {"top_k", "cache_control"}
    assert "top_k" not in sent(up)


def test_a_strict_proxy_refuses_it_instead(app, up):
    response = post(app(strict=True), top_k=5)
    assert (response.status_code, response.json["error"]["type"]) == (400, "invalid_request_error")
    assert "top_k" in response.json["error"]["message"]
    assert len(up.calls) == 0


def test_nothing_is_named_where_nothing_is_dropped(app, up):
    up.post(CHAT_URL, json=completion())
    assert "x-llmproxy-dropped" not in post(app()).headers


@pytest.mark.parametrize("member", ["previous_response_id", "conversation", "background"])
def test_what_would_lose_the_conversation_is_refused_strict_or_not(app, up, member):
    response = app().post("/v1/responses", json={"model": "up/m", "input": "x", member: member != "background" or True})
    assert (response.status_code, response.json["error"]["code"]) == (400, "unsupported_feature")
    assert response.json["error"]["param"] == member
    assert len(up.calls) == 0


def test_what_a_client_tells_its_own_vendor_is_not_told_to_another(app, up):
    up.post(CHAT_URL, json=completion())
    post(app(), headers={"anthropic-beta": "x", "anthropic-version": "2023-06-01"})
    assert not [name for name in up.calls[0].request.headers if name.lower().startswith("anthropic")]


def test_a_member_that_makes_no_sense_is_the_clients_fault(app, up):
    response = post(app(), messages=[{"role": "user", "content": [{"type": "text", "text": 7}]}])
    assert (response.status_code, response.json["error"]["type"]) == (400, "invalid_request_error")
    assert len(up.calls) == 0


def test_an_error_of_the_targets_has_the_clients_shape(app, up):
    up.post(CHAT_URL, status=429, json={"error": {"message": "slow"}}, headers={"Retry-After": "7"})
    response = post(app())
    assert (response.status_code, response.json["error"]["type"]) == (429, "rate_limit_error")
    assert response.headers["Retry-After"] == "7"


def test_thoughts_go_home_with_their_signature_through_another_dialect(make_app, up):
    tables = {"llm": {"claude": {"provider": "anthropic", "base_url": f"{BASE_URL}", "token_env": "UP_KEY"}}}
    client = make_app(tables, {"UP_KEY": "up-token"}).test_client()
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    answer = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [thought, call],
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    up.post(f"{BASE_URL}/messages", json=answer)
    ask = {"model": "claude/m", "messages": [{"role": "user", "content": "hello"}]}
    said = client.post("/v1/chat/completions", json=ask).json["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "sunny"}
    client.post("/v1/chat/completions", json={**ask, "messages": [*ask["messages"], said, result]})
    assert json.loads(up.calls[1].request.body)["messages"][1]["content"] == [thought, call]


def test_a_signature_that_another_vendor_made_does_not_go_to_its_bearer(make_app, up):
    """A client of Anthropic's brings back a thought of Gemini's, and is now served by Anthropic itself."""
    tables = {"llm": {"claude": {"provider": "anthropic", "base_url": f"{BASE_URL}", "token_env": "UP_KEY"}}}
    client = make_app(tables, {"UP_KEY": "up-token"}).test_client()
    up.post(f"{BASE_URL}/messages", status=500)
    thought = {"type": "thinking", "thinking": "", "signature": "llmproxy.google.c2ln"}
    turn = {"role": "assistant", "content": [thought, {"type": "text", "text": "hi"}]}
    post(client, model="claude/m", messages=[*HELLO["messages"], turn, *HELLO["messages"]])
    assert "llmproxy" not in up.calls[0].request.body.decode()


def test_openai_itself_is_not_sent_thoughts(make_app, up):
    client = make_app({"llm": {"up": {"provider": "openai"}}}, {"OPENAI_API_KEY": "k"}).test_client()
    up.post("https://api.openai.com/v1/chat/completions", json=completion())
    turn = {"role": "assistant", "content": "a", "reasoning_content": "hm", "reasoning_details": [{"index": 0}]}
    messages = [{"role": "user", "content": "x"}, turn, {"role": "user", "content": "y"}]
    client.post("/v1/chat/completions", json={"model": "up/m", "messages": messages})
    assert sent(up)["messages"][1] == {"role": "assistant", "content": "a"}
