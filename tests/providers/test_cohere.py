import json

import pytest
from fakes import sse

CHAT_URL, EMBED_URL = "https://api.cohere.com/v2/chat", "https://api.cohere.com/v2/embed"
ANSWER = {
    "id": "a1",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
    "finish_reason": "COMPLETE",
    "usage": {"tokens": {"input_tokens": 5, "output_tokens": 7}, "billed_units": {"input_tokens": 1}},
}
STREAM = sse(
    {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hel"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "lo"}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": ANSWER["usage"]}},
)


@pytest.fixture
def client(make_app):
    return make_app({"llm": {"co": {"provider": "cohere"}}}, {"COHERE_API_KEY": "co-token"}).test_client()


def chunks_of(response):
    frames = response.get_data(as_text=True).strip().split("\n\n")
    assert frames[-1] == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]


def test_a_key_in_the_environment_switches_cohere_on(load):
    assert "cohere" in load({}, {"COHERE_API_KEY": "co-token"}).llms


@pytest.mark.parametrize("model", ["command-a-03-2025", "c4ai-aya-expanse-32b", "embed-v4.0", "embed-english-v3.0"])
def test_its_models_are_known_by_their_names(client, up, ask, model):
    up.post(CHAT_URL, json=ANSWER)
    assert ask(client, model=model).status_code == 200


def test_a_chat_goes_to_coheres_own_path_with_a_bearer_token(client, up, ask):
    up.post(CHAT_URL, json=ANSWER)
    response = ask(client, model="co/command-a", max_tokens=9)
    sent = up.calls[0].request
    assert sent.headers["Authorization"] == "Bearer co-token"
    assert json.loads(sent.body) == {
        "model": "command-a",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": False,
        "max_tokens": 9,
    }
    assert response.get_json()["choices"][0]["message"]["content"] == "hello"
    assert response.get_json()["usage"]["total_tokens"] == 12


@pytest.mark.parametrize("ending", [b"", b"data: [DONE]\n\n"])
def test_a_stream_ends_with_done_whether_cohere_says_so_or_not(client, up, ask, ending):
    up.post(CHAT_URL, body=STREAM + ending, content_type="text/event-stream")
    response = ask(client, model="co/command-a", stream=True, stream_options={"include_usage": True})
    chunks = chunks_of(response)
    said = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    assert "".join(filter(None, said)) == "hello"
    assert chunks[-1]["usage"]["prompt_tokens"] == 5


def test_what_cohere_has_no_word_for_is_listed(client, up, ask):
    up.post(CHAT_URL, json=ANSWER)
    response = ask(client, model="co/command-a", user="u1", logit_bias={"7": 1})
    assert set(response.headers["x-llmproxy-dropped"].split(", ")) == {"user", "logit_bias"}


def test_an_error_keeps_its_status_and_words(client, up, ask):
    up.post(CHAT_URL, status=400, json={"id": "x", "message": "invalid request: all is wrong"})
    response = ask(client, model="co/command-a")
    assert (response.status_code, response.get_json()["error"]["message"]) == (400, "invalid request: all is wrong")
