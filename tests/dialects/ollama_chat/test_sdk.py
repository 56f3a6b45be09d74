"""Ollama's own Python SDK reads what we write, from a running proxy whose upstream speaks OpenAI's chat."""

import contextlib
import json

import pytest
from fakes import CHAT_URL, chunk, completion, sse

ollama = pytest.importorskip("ollama", reason="the ollama SDK comes with the dev extra")

CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def chat(make_app, serve, up):
    """Has the SDK ask a model of the upstream's, which answers with this body."""
    with contextlib.closing(ollama.Client(f"http://127.0.0.1:{serve(make_app())}")) as client:

        def ask(*, status=200, messages=HI, **answer):
            up.post(CHAT_URL, status=status, **answer)
            return client.chat("up/m", messages, tools=[TOOL], stream="json" not in answer)

        yield ask


def streamed(*events):
    usage = {"id": "c1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    return {"body": sse(*events, usage, "[DONE]"), "content_type": "text/event-stream"}


def test_a_whole_answer(chat):
    answer = chat(json=completion("hello"))
    assert (answer.model, answer.message.content, answer.done, answer.done_reason) == ("up/m", "hello", True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (5, 7)


def test_a_stream(chat):
    parts = list(chat(**streamed(chunk({"content": "he"}), chunk({"content": "y"}), chunk({}, "length"))))
    assert [(part.message.content, part.done) for part in parts] == [("he", False), ("y", False), ("", True)]
    assert (parts[-1].done_reason, parts[-1].prompt_eval_count, parts[-1].eval_count) == ("length", 5, 7)


def test_thoughts_and_a_call(chat):
    thought, call = chunk({"reasoning_content": "hmm"}), chunk({"tool_calls": [{"index": 0, **CALL}]})
    first, second, last = chat(**streamed(thought, call, chunk({}, "tool_calls")))
    assert first.message.thinking == "hmm"
    assert [(each.function.name, each.function.arguments) for each in second.message.tool_calls] == [("add", {"a": 2})]
    assert (last.done, last.done_reason) == (True, "stop")


def test_a_turn_with_a_result(chat, up):
    message = completion(None)
    message["choices"][0]["message"]["tool_calls"] = [CALL]
    said = chat(json=message).message
    up.reset()
    chat(messages=[*HI, said, {"role": "tool", "tool_name": "add", "content": "5"}], json=completion())
    assistant, result = json.loads(up.calls[0].request.body)["messages"][1:]
    assert (result["role"], result["content"]) == ("tool", "5")
    assert result["tool_call_id"] == assistant["tool_calls"][0]["id"]


def test_an_error_before_the_stream(chat):
    with pytest.raises(ollama.ResponseError) as caught:
        list(chat(status=404, body=b'{"error": {"message": "no such model"}}'))
    assert (caught.value.status_code, caught.value.error) == (404, "no such model")


def test_an_error_inside_the_stream(chat):
    events = chat(body=sse(chunk({"content": "he"}), {"error": {"message": "x"}}), content_type="text/event-stream")
    assert next(events).message.content == "he"
    with pytest.raises(ollama.ResponseError):
        next(events)
