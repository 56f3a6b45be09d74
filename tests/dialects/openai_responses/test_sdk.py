"""OpenAI's own Python SDK takes every event that we write for one of its own, and puts them together without a word."""

import contextlib
import json

import pytest
from fakes import CHAT_URL, chunk, completion, sse, upstream

from dialects.openai_responses.asking import CLIENT, ask
from llmproxy.core.answer import Answer, Appended, Closed, End, Opened, Start, Usage
from llmproxy.core.chat import Image, Refusal, Signature, Source, Text, Thinking, ToolCall

openai = pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
responses = pytest.importorskip("openai.types.responses")
accumulator = pytest.importorskip("openai.lib.streaming.responses._responses")
pydantic = pytest.importorskip("pydantic")

EVENT = pydantic.TypeAdapter(responses.ResponseStreamEvent)
ANSWERS = {
    "a text": Answer.of("hello", usage=Usage(5, 7)),
    "texts and a refusal": Answer.of("a", "b", Refusal("no"), usage=Usage(5, 7)),
    "a signed thought": Answer.of(Thinking("hm", Signature("s", "anthropic")), "a", usage=Usage(5, 7, 1, 2, 3)),
    "thoughts": Answer.of(Thinking("hm"), Thinking("so"), Thinking(redacted=Signature("x", "openai")), "a"),
    "calls": Answer.of("a", ToolCall("c1", "f", '{"a":1}'), ToolCall(None, "g"), reason="tool_calls"),
    "a signed call": Answer.of(ToolCall("c1", "f", "{}", Signature("s", "google")), reason="tool_calls"),
    "a picture": Answer.of(Image(Source("image/png", "AAAA")), "a"),
    "one that was cut short": Answer.of("a", reason="length"),
    "nothing": Answer.of(),
}
TOOL = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {}}, "strict": False}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}


def put_together(deltas):
    """The SDK's own response, out of events that it found to be its own."""
    state = accumulator.ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    for written in CLIENT.write_stream(deltas, ask(stream=True)):
        event = EVENT.validate_json(written.data)
        assert event.type == written.type
        state.handle_event(event)
    return state._completed_response or event.response


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_the_sdk_puts_a_stream_together(answer):
    response = put_together(answer.play())
    assert response.output_text == answer.text
    assert response.status == ("incomplete" if answer.reason == "length" else "completed")
    calls = [(item.name, item.arguments) for item in response.output if item.type == "function_call"]
    assert calls == [(call.name, call.arguments or "{}") for call in answer.tool_calls]


def test_the_sdk_follows_calls_that_come_side_by_side():
    calls = [Opened(0, Text()), Appended(0, "a"), Opened(1, ToolCall("a", "f")), Opened(2, ToolCall("b", "g"))]
    pieces = [Appended(2, "{"), Appended(1, "{"), Appended(0, "b"), Appended(2, "}"), Appended(1, "}")]
    response = put_together([Start(), *calls, *pieces, Closed(2), Closed(0), Closed(1), End("tool_calls")])
    assert (response.output_text, [item.arguments for item in response.output[1:]]) == ("ab", ["{}", "{}"])


@pytest.fixture
def sdk(make_app, serve):
    """The SDK, talking to a running proxy whose upstream speaks OpenAI's chat."""
    url = f"http://127.0.0.1:{serve(make_app(upstream(dialects=['chat'])))}/v1"
    with contextlib.closing(openai.OpenAI(base_url=url, api_key="none", max_retries=0)) as client:
        yield client.responses


def test_a_whole_answer_from_a_running_proxy(sdk, up):
    up.post(CHAT_URL, json=completion("hello"))
    response = sdk.create(model="up/m", input="hi")
    assert (response.output_text, response.status, response.usage.total_tokens) == ("hello", "completed", 12)


def test_a_stream_from_a_running_proxy(sdk, up):
    thought, call = chunk({"reasoning_content": "hmm"}), chunk({"tool_calls": [{"index": 0, **CALL}]})
    body = sse(thought, chunk({"content": "let me see"}), call, chunk({}, "tool_calls"), "[DONE]")
    up.post(CHAT_URL, body=body, content_type="text/event-stream")
    with sdk.stream(model="up/m", input="hi", tools=[TOOL]) as stream:
        response = stream.get_final_response()
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert (response.output_text, response.output[2].arguments) == ("let me see", '{"a": 2}')


def test_the_next_turn_brings_back_what_was_said(sdk, up):
    message = completion(None)
    message["choices"][0]["message"] |= {"content": "let me see", "tool_calls": [CALL]}
    up.post(CHAT_URL, json=message)
    said = sdk.create(model="up/m", input="hi", tools=[TOOL]).output
    up.post(CHAT_URL, json=completion())
    result = {"type": "function_call_output", "call_id": "call_1", "output": "4"}
    sdk.create(model="up/m", input=[{"role": "user", "content": "hi"}, *said, result], tools=[TOOL])
    _, assistant, tool = json.loads(up.calls[-1].request.body)["messages"]
    assert (assistant["content"], assistant["tool_calls"]) == ("let me see", [CALL])
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "call_1", "4")


def test_an_error_reaches_the_sdk_as_its_own(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.create(model="up/m", input="hi", previous_response_id="resp_1")
    assert (caught.value.code, caught.value.param) == ("unsupported_feature", "previous_response_id")


def test_an_error_within_a_stream_reaches_the_sdk(sdk, up):
    error = {"error": {"type": "server_error", "code": None, "message": "broke", "param": None}}
    up.post(CHAT_URL, body=sse(chunk({"content": "a"}), error), content_type="text/event-stream")
    with pytest.raises(openai.APIError), sdk.stream(model="up/m", input="hi") as stream:
        stream.until_done()
