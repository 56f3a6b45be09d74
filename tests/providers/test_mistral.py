import json
import re

import pytest

from llmproxy import ProviderConfig
from llmproxy.core.answer import Answer
from llmproxy.core.chat import (
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Reasoning,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ProviderRejected
from llmproxy.core.sse import Event
from llmproxy.core.tokens import Environment
from llmproxy.providers import PROVIDERS
from llmproxy.providers.mistral import MistralProvider

HI = Message("user", (Text("hi"),))
TOOLS = (Tool("a", parameters={"type": "object"}), Tool("b"))


def made(**settings):
    return MistralProvider(ProviderConfig(environment=Environment([], {"MISTRAL_API_KEY": "key"}), **settings))


def write(*messages, **members):
    return made().dialect("openai.chat").write_request(Chat("m", messages or (HI,), **members))


def content(*parts, role="user"):
    return write(Message(role, parts))[0]["messages"][0]["content"]


def test_it_is_found_by_its_name_and_asked_where_it_says(parse):
    provider = made()
    assert PROVIDERS.get("mistral") is MistralProvider
    for dialect, path in (("openai.chat", "/chat/completions"), ("openai.embeddings", "/embeddings")):
        request = provider.prepare(provider.call(parse(dialect, model="m", input="x")))
        assert request.url == f"https://api.mistral.ai/v1{path}"
        assert request.headers["Authorization"] == "Bearer key"


def test_what_a_client_wrote_in_this_dialect_goes_as_it_is(parse):
    request = parse(seed=7, tool_choice="required", user="u", of_next_week=1)
    assert made().prepare(made().call(request)).body == request.to_json()


def test_a_translated_stream_is_not_asked_for_usage_which_comes_anyway(parse):
    request = parse("openai.completions", model="m", prompt="hi", stream=True, seed=7, logit_bias={"1": 1})
    provider = made()
    call = provider.call(request)
    body = json.loads(provider.prepare(call).body)
    assert (body["random_seed"], body["stream"]) == (7, True)
    assert not body.keys() & {"seed", "stream_options", "logit_bias"}
    assert call.dropped == ("logit_bias",)


def test_a_seed_is_a_random_seed():
    body, lost = write(seed=7)
    assert (body["random_seed"], "seed" in body, lost) == (7, False, [])


def test_a_limit_keeps_the_name_that_mistral_knows(parse):
    provider = made()
    call = provider.call(
        parse(
            "ollama.chat",
            model="mistral-large-latest",
            messages=[{"role": "user", "content": "x"}],
            options={"num_predict": 5},
        )
    )
    assert json.loads(provider.prepare(call).body)["max_tokens"] == 5


@pytest.mark.parametrize(
    ("choice", "written", "offered"),
    [
        (ToolChoice("required"), "any", ["a", "b"]),
        (ToolChoice("auto"), "auto", ["a", "b"]),
        (ToolChoice("none"), "none", ["a", "b"]),
        (ToolChoice("required", ("a",)), {"type": "function", "function": {"name": "a"}}, ["a"]),
        (ToolChoice("required", ("a", "b")), "any", ["a", "b"]),
        (ToolChoice("auto", ("b",)), "auto", ["b"]),
    ],
)
def test_a_tool_must_be_called_is_any_in_mistrals_words(choice, written, offered):
    body, lost = write(tools=TOOLS, tool_choice=choice)
    assert (body["tool_choice"], [tool["function"]["name"] for tool in body["tools"]]) == (written, offered)
    assert lost == []


def test_a_tool_without_parameters_says_so():
    assert write(tools=TOOLS)[0]["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("id", ["toolu_01A09q90qw90lq917835lq9", "call_1", "abcDEF123", None])
def test_the_ids_of_calls_are_nine_letters_and_digits_and_their_results_have_the_same(id):
    body, _ = write(Message("assistant", (ToolCall(id, "a"),)), Message("user", (ToolResult(id, (Text("x"),), "a"),)))
    call, result = body["messages"][0]["tool_calls"][0]["id"], body["messages"][1]["tool_call_id"]
    assert call == result
    assert re.fullmatch("[a-zA-Z0-9]{9}", call)
    assert id != "abcDEF123" or call == id


def test_a_call_bears_no_signature_of_another():
    body, _ = write(Message("assistant", (ToolCall("1", "a", signature=Signature("x", "google")),)))
    assert body["messages"][0]["tool_calls"][0].keys() == {"id", "type", "function"}


def test_earlier_thoughts_are_parts_of_the_content():
    assert content(Thinking("hmm", Signature("x", "anthropic")), Text("hi"), role="assistant") == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]},
        {"type": "text", "text": "hi"},
    ]


@pytest.mark.parametrize(
    "sealed", [Thinking(redacted=Signature("x", "anthropic")), Thinking("", Signature("x", "google"))]
)
def test_a_thought_that_only_its_maker_can_read_is_said_to_be_lost(sealed):
    body, lost = write(Message("assistant", (sealed, Text("hi"))))
    assert (body["messages"][0]["content"], lost) == ("hi", ["thinking"])


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (
            Document(Source("application/pdf", data="AAAA"), "a.pdf"),
            {"type": "document_url", "document_url": "data:application/pdf;base64,AAAA", "document_name": "a.pdf"},
        ),
        (Document(Source(url="https://x/a.pdf")), {"type": "document_url", "document_url": "https://x/a.pdf"}),
        (Document(Source(file_id="f")), {"type": "file", "file_id": "f"}),
    ],
)
def test_a_document_is_a_url_in_mistrals_words_even_in_a_result(document, part):
    assert content(document) == [part]
    assert content(ToolResult("1", (document,))) == [part]


def test_a_text_document_is_text():
    assert content(Document(Source("text/plain"), text="hello")) == "hello"


def test_an_image_is_as_openais():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    assert content(Image(Source("image/png", data="AAAA"), "low")) == [image]


def test_a_refusal_is_what_was_said():
    assert write(Message("assistant", (Refusal("No."),)))[0]["messages"] == [{"role": "assistant", "content": "No."}]


def test_developers_are_the_system_to_mistral():
    assert write(Message("developer", (Text("x"),)))[0]["messages"] == [{"role": "system", "content": "x"}]


def test_nothing_that_mistral_does_not_know_is_sent():
    body, lost = write(
        Message("user", (Text("hi", Cache()),), name="Ann"),
        user="u",
        logit_bias={"1": 1.0},
        top_k=3,
        metadata={"a": "b"},
        reasoning=Reasoning(effort="high"),
        n=2,
        parallel_tool_calls=False,
    )
    assert body.keys() == {"model", "messages", "top_k", "metadata", "reasoning_effort", "n", "parallel_tool_calls"}
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert sorted(lost) == ["cache", "logit_bias", "name", "user"]


# What comes back.


def test_thoughts_in_a_list_of_content_are_read():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}, {"type": "text", "text": "hi"}]
    body = {"choices": [{"message": {"role": "assistant", "content": parts}, "finish_reason": "model_length"}]}
    answer = made().dialect("openai.chat").read_answer(body)
    assert (answer.parts, answer.reason) == ((Thinking("hmm"), Text("hi")), "length")


def test_thoughts_in_a_stream_are_read():
    deltas = [
        [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": "m"}]}],
        "hi",
    ]
    read = made().dialect("openai.chat").reader()
    events = [Event.of_json({"id": "1", "choices": [{"index": 0, "delta": {"content": delta}}]}) for delta in deltas]
    assert Answer.collect(step for event in events for step in read(event)).parts == (Thinking("hm"), Text("hi"))


PROBLEM = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 7}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"detail": "Unknown model"}, "Unknown model"),
        (
            {"detail": [PROBLEM, {"loc": ["body", 0], "msg": "m"}]},
            "body.seed: Extra inputs are not permitted; body.0: m",
        ),
        ({"object": "error", "message": "Bad", "type": "t", "param": None, "code": "1500"}, "Bad"),
        ({"object": "error", "message": {"detail": [PROBLEM]}}, "body.seed: Extra inputs are not permitted"),
    ],
)
def test_an_error_gives_its_message_in_each_of_its_shapes(said, message):
    error = made().dialect("openai.chat").read_error(422, {}, json.dumps(said).encode())
    assert isinstance(error, ProviderRejected)
    assert (error.status, error.message) == (422, message)


def test_a_key_that_is_refused_is_the_operators_affair():
    error = made().dialect("openai.chat").read_error(401, {}, b'{"detail":"Invalid API Key"}')
    assert (error.code, error.status) == ("upstream_auth_failed", 502)
