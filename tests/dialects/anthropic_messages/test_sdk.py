"""Anthropic's own Python SDK reads what we write, from a running proxy whose upstream speaks OpenAI's chat."""

import json

import pytest
from fakes import CHAT_URL, chunk, completion, sse

anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK comes with the dev extra")

TOOL = {"name": "add", "input_schema": {"type": "object", "properties": {}}}
HI = [{"role": "user", "content": "hi"}]


def call(index, arguments):
    return {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "add", **arguments}}


@pytest.fixture
def client(make_app, serve):
    """The SDK, pointed at a proxy."""
    url = f"http://127.0.0.1:{serve(make_app())}"
    with anthropic.Anthropic(base_url=url, api_key="client-key", max_retries=0, timeout=20) as sdk:
        yield sdk


@pytest.fixture
def ask(client, up):
    """Has the SDK ask a model of the upstream's, which answers whole with this body."""

    def create(*, messages=HI, status=200, **body):
        up.post(CHAT_URL, status=status, json=body)
        return client.messages.create(model="up/m", max_tokens=100, messages=messages, tools=[TOOL])

    return create


@pytest.fixture
def stream(client, up):
    """Has the SDK accumulate a stream of the upstream's; gives its events and the message in the end."""

    def accumulate(*events):
        usage = {"id": "c1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
        up.post(CHAT_URL, body=sse(*events, usage, "[DONE]"), content_type="text/event-stream")
        with client.messages.stream(model="up/m", max_tokens=100, messages=HI, tools=[TOOL]) as found:
            return list(found), found.get_final_message()

    return accumulate


def test_a_whole_answer(ask):
    message = ask(**completion("hello"))
    assert (message.type, message.role, message.model) == ("message", "assistant", "up/m")
    assert [(block.type, block.text) for block in message.content] == [("text", "hello")]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 5, 7)


def test_a_stream(stream):
    events, message = stream(
        chunk({"role": "assistant", "content": "he"}), chunk({"content": "y"}), chunk({}, "length")
    )
    assert "".join(event.text for event in events if event.type == "text") == "hey"
    assert [block.text for block in message.content] == ["hey"]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("max_tokens", 5, 7)


def test_a_thought_and_a_call(stream):
    arguments = [chunk({"tool_calls": [call(0, {"arguments": part})]}) for part in ('{"a":', " 2}")]
    _, message = stream(chunk({"reasoning_content": "hm"}), *arguments, chunk({}, "tool_calls"))
    thought, use = message.content
    assert (thought.type, thought.thinking, thought.signature) == ("thinking", "hm", "")
    assert (use.type, use.id, use.name, use.input) == ("tool_use", "call_0", "add", {"a": 2})
    assert message.stop_reason == "tool_use"


def test_parallel_calls_that_come_side_by_side(stream):
    first = chunk({"tool_calls": [call(0, {"arguments": ""}), call(1, {"arguments": '{"b":'})]})
    more = [{"index": 1, "function": {"arguments": "3}"}}, {"index": 0, "function": {"arguments": '{"a": 2}'}}]
    _, message = stream(first, chunk({"tool_calls": more}), chunk({}, "tool_calls"))
    assert [block.input for block in message.content] == [{"a": 2}, {"b": 3}]


def test_a_call_without_arguments(stream):
    _, message = stream(chunk({"tool_calls": [call(0, {"arguments": ""})]}), chunk({}, "tool_calls"))
    assert message.content[0].input == {}


def test_a_turn_with_a_result(ask, up):
    answer = completion(None)
    answer["choices"][0]["message"]["tool_calls"] = [call(0, {"arguments": '{"a": 2}'})]
    said = ask(**answer)
    up.reset()
    result = {"type": "tool_result", "tool_use_id": said.content[0].id, "content": "5"}
    turns = [{"role": "assistant", "content": said.content}, {"role": "user", "content": [result]}]
    ask(messages=[*HI, *turns], **completion("5"))
    assistant, tool = json.loads(up.calls[0].request.body)["messages"][1:]
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"a": 2}
    assert tool == {"role": "tool", "tool_call_id": "call_0", "content": "5"}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, "BadRequestError", "invalid_request_error"),
        (404, "NotFoundError", "not_found_error"),
        (429, "RateLimitError", "rate_limit_error"),
        (503, "OverloadedError", "overloaded_error"),
    ],
)
def test_an_error_before_the_answer(ask, status, error, kind):
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(status=status, error={"message": "No.", "type": "x"})
    assert (type(caught.value).__name__, caught.value.body["error"]["type"]) == (error, kind)
    assert caught.value.request_id == caught.value.body["request_id"]


def test_an_error_within_a_stream(stream):
    with pytest.raises(anthropic.APIStatusError) as caught:
        stream(chunk({"content": "he"}), {"error": {"message": "No.", "type": "server_error"}})
    assert caught.value.body["error"]["type"] == "api_error"


def test_a_count_of_tokens_that_nobody_counts(client):
    answer = client.messages.with_raw_response.count_tokens(
        model="up/m", messages=[{"role": "user", "content": "x" * 40}]
    )
    assert answer.parse().input_tokens == 10
    assert answer.headers["x-llmproxy-estimated"] == "true"


def test_the_models(client):
    assert [(model.type, model.id) for model in client.models.list()] == [("model", "echo")]
    assert client.models.retrieve("up/m").id == "up/m"
