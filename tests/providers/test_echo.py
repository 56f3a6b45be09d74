import base64
import json
import struct
import time

import pytest

CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS = (
    f"/v1/{name}" for name in ("chat/completions", "completions", "responses", "embeddings")
)


def events(response):
    """The data of each event, as JSON where it is."""
    lines = [line[6:] for line in response.get_data(as_text=True).splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.fixture
def echo(client, ask):
    """Asks echo."""

    def ask_echo(path=CHAT, **body):
        response = ask(client, path, model="echo", **body)
        assert response.status_code == 200
        return response

    return ask_echo


def test_echo_repeats_the_last_user_text(echo):
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": [{"type": "text", "text": "last"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": "hm"},
    ]
    answer = echo(messages=messages).json
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "last", "refusal": None}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["model"] == "echo"


def test_echo_counts_tokens(echo):
    usage = echo(messages=[{"role": "user", "content": "12345678"}]).json["usage"]
    assert usage == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_echo_answers_a_completion(echo):
    answer = echo(COMPLETIONS, prompt=["one", "two words"]).json
    assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "two words")


def test_echo_answers_a_response(echo):
    answer = echo(RESPONSES, input=[{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]).json
    assert (answer["object"], answer["status"]) == ("response", "completed")
    assert answer["output"][0]["content"][0]["text"] == "hello"


def test_echo_embeds_each_text_always_alike(echo):
    answer = echo(EMBEDDINGS, input=["one", "two", "one"]).json
    one, two, again = (item["embedding"] for item in answer["data"])
    assert one == again != two
    assert [item["index"] for item in answer["data"]] == [0, 1, 2]
    assert all(-1 <= number <= 1 for number in one)


def test_echo_embeds_a_single_text(echo):
    assert len(echo(EMBEDDINGS, input="one").json["data"]) == 1


@pytest.mark.parametrize(("given", "count"), [([1, 2, 3], 1), ([[1, 2], [3]], 2)])
def test_echo_embeds_tokens(echo, given, count):
    data = echo(EMBEDDINGS, input=given).json["data"]
    assert len({tuple(item["embedding"]) for item in data}) == count


def test_echo_embeds_in_the_encoding_that_was_asked_for(echo):
    numbers = echo(EMBEDDINGS, input="one").json["data"][0]["embedding"]
    packed = base64.b64decode(echo(EMBEDDINGS, input="one", encoding_format="base64").json["data"][0]["embedding"])
    assert struct.unpack(f"<{len(numbers)}f", packed) == pytest.approx(numbers)


def test_nothing_to_embed_is_refused(client, ask):
    response = ask(client, EMBEDDINGS, model="echo", input=[])
    assert (response.status_code, response.json["error"]["param"]) == (400, "input")


def test_echo_streams_word_by_word(echo):
    said = events(echo(stream=True, messages=[{"role": "user", "content": " two  words\n"}]))
    assert [chunk["choices"][0]["delta"].get("content") for chunk in said[:-2]] == ["", " two", "  words\n"]
    assert said[-2]["choices"][0]["finish_reason"] == "stop"
    assert said[-1] == "[DONE]"


def test_echo_says_usage_in_a_stream_if_asked(echo):
    said = events(echo(stream=True, stream_options={"include_usage": True}))
    assert said[-2]["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_echo_streams_a_completion(echo):
    said = events(echo(COMPLETIONS, stream=True, prompt="two words"))
    assert "".join(chunk["choices"][0]["text"] for chunk in said[:-1]) == "two words"
    assert said[-1] == "[DONE]"


def test_echo_streams_a_response(echo):
    said = events(echo(RESPONSES, stream=True, input="two words"))
    assert "".join(event["delta"] for event in said if event["type"] == "response.output_text.delta") == "two words"
    assert (said[0]["type"], said[-1]["type"]) == ("response.created", "response.completed")


@pytest.mark.parametrize("stream", [False, True])
def test_echo_can_be_asked_nothing(echo, stream):
    assert echo(messages=[{"role": "system", "content": "x"}], stream=stream).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_echo_sends_nothing(echo, up, logged, stream):
    echo(stream=stream)
    assert not up.calls
    assert [(facts["llm"], facts["outcome"]) for facts in logged.requests] == [("echo", "settled")]


def test_echo_can_be_slow(make_app, client, ask):
    slow = make_app({"llm": {"echo": {"provider": "echo", "delay_ms": 60}}}).test_client()
    started = time.monotonic()
    ask(slow, model="echo", messages=[{"role": "user", "content": "one two three"}], stream=True)
    assert time.monotonic() - started >= 0.18


def test_echo_takes_no_negative_delay(make_app):
    with pytest.raises(Exception, match="delay_ms"):
        make_app({"llm": {"echo": {"provider": "echo", "delay_ms": -1}}})


def test_echo_counts_by_the_estimate(client, ask):
    response = ask(client, "/v1/messages/count_tokens", model="echo")
    assert (response.json, response.headers["x-llmproxy-estimated"]) == ({"input_tokens": 2}, "true")
