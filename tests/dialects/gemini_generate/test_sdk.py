"""What we write is what the vendor's own SDK reads, and what it brings back is understood."""

import json

import pytest
from fakes import CHAT_URL, chunk, completion, sse

from llmproxy.core.answer import Answer, Appended, Choice, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Image, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.dialects.gemini_generate import GeminiGenerateClient

genai = pytest.importorskip("google.genai", reason="the google-genai SDK comes with the dev extra")
types = genai.types

HI = b'{"contents": [{"parts": [{"text": "hi"}]}]}'
SEAL = Signature("sig.nature", "anthropic")


def request(method="generateContent"):
    context = RequestContext(id="req-1", path={"model": "m", "method": method}, query={"alt": "sse"})
    return GeminiGenerateClient().parse(HI, context)


def read(value):
    return types.GenerateContentResponse._from_response(response=value, kwargs={})


@pytest.fixture
def client(make_app, serve):
    """The SDK, pointed at a proxy whose upstream speaks OpenAI's chat."""
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{serve(make_app())}", timeout=20_000)
    with genai.Client(api_key="client-key", vertexai=False, http_options=options) as sdk:
        yield sdk


def asked(up):
    """The conversations that the upstream was asked to go on with."""
    return [json.loads(call.request.body)["messages"] for call in up.calls]


def test_a_whole_answer_of_every_kind_of_part_is_read():
    parts = (
        Thinking("hm", SEAL),
        Text("so", logprobs=(TokenLogprob("so", -0.5, top=(TokenLogprob("no", -1.5),)),)),
        Image(Source("image/png", data="AAAA")),
        ToolCall("call_1", "f", '{"a":1}', Signature("c2ln", "google")),
    )
    answer = Answer((Choice(parts, "tool_calls"),), Usage(10, 7, 4, 3, input_audio=2))
    said = read(GeminiGenerateClient().write_answer(answer, request()))
    thought, text, image, call = said.candidates[0].content.parts
    assert (said.text, thought.thought, thought.text) == ("so", True, "hm")
    assert (call.function_call.args, call.thought_signature) == ({"a": 1}, b"sig")
    assert (image.inline_data.data, text.thought_signature) == (b"\0\0\0", None)
    assert said.usage_metadata.total_token_count == 17
    assert said.candidates[0].logprobs_result.top_candidates[0].candidates[0].token == "no"


def test_what_the_sdk_keeps_of_a_turn_is_understood_when_it_comes_back():
    deltas = [
        Start(),
        Opened(0, Thinking()),
        Appended(0, "hm"),
        Signed(0, SEAL),
        Opened(1, Thinking(redacted=SEAL)),
        Opened(2, Text()),
        Appended(2, "so"),
        Counted(Usage(5, 7)),
        End("stop"),
    ]
    events = list(GeminiGenerateClient().write_stream(deltas, request("streamGenerateContent")))
    contents = [read(event.json()).candidates[0].content for event in events]
    kept = [content.model_dump(mode="json", exclude_none=True) for content in contents]
    chat = GeminiGenerateClient().read_request({"contents": kept})
    assert chat.messages[0].parts == (Thinking("hm", SEAL), Thinking(redacted=SEAL), Text("so"))


def test_an_error_is_raised_with_its_status_and_name(client, up):
    error = {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}
    up.post(CHAT_URL, status=400, json={"error": error})
    with pytest.raises(genai.errors.ClientError) as caught:
        client.models.generate_content(model="up/m", contents="hi")
    assert (caught.value.code, caught.value.status, caught.value.message) == (400, "INVALID_ARGUMENT", "too long")


def test_a_tool_is_called_and_answered_by_the_sdk_itself(client, up):
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    up.post(CHAT_URL, json=completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}]))
    up.post(CHAT_URL, json=completion("5"))
    config = types.GenerateContentConfig(tools=[add], system_instruction="Add.")
    assert client.models.generate_content(model="up/m", contents="2 + 3", config=config).text == "5"
    first, second = asked(up)
    assert [each["role"] for each in first] == ["system", "user"]
    assert second[-1] == {"role": "tool", "tool_call_id": "call_1", "content": "5"}


def test_a_streamed_answer_is_one_turn_in_the_next_request(client, up):
    stream = sse(chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop"), "[DONE]")
    up.post(CHAT_URL, body=stream, content_type="text/event-stream")
    chat = client.chats.create(model="up/m")
    assert "".join(each.text for each in chat.send_message_stream("hi")) == "Hello"
    list(chat.send_message_stream("again"))
    said = [("user", "hi"), ("assistant", "Hello"), ("user", "again")]
    assert [(each["role"], each["content"]) for each in asked(up)[1]] == said


def test_tokens_are_counted(client):
    assert client.models.count_tokens(model="up/m", contents="how long is this?").total_tokens > 0
