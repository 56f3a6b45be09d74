"""What a processor does to a request in any client's dialect arrives in the body of every upstream's."""

import json

import pytest

from llmproxy import LLMClient, Processor, Provider, ResponseStream, TokenLimitExceeded, TokenLimitProcessor
from llmproxy.core.answer import Answer
from llmproxy.core.chat import Text
from llmproxy.core.context import RequestContext
from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.processors.defaults import DefaultsProcessor
from llmproxy.processors.llm import LLMProcessor
from llmproxy.processors.system_prompt import SystemPromptProcessor

# A conversation with `own` as its system prompt, and the word `secret` wherever there is prompt text.
ASKED = {"role": "user", "content": "the first secret"}
LAST = {"role": "user", "content": "the last secret"}
FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {}}}
OPENAI_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "own secret"},
        ASKED,
        {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a secret found"},
        {"role": "assistant", "content": "well"},
        LAST,
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
}
RESPONSES = {
    "model": "m",
    "instructions": "own secret",
    "input": [
        ASKED,
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "a secret found"},
        {"role": "assistant", "content": "well"},
        LAST,
    ],
    "tools": [{"type": "function", **FUNCTION}],
}
MESSAGES = {
    "model": "m",
    "system": "own secret",
    "messages": [
        ASKED,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "a secret found"}]},
        {"role": "assistant", "content": "well"},
        LAST,
    ],
    "tools": [{"name": "look", "input_schema": FUNCTION["parameters"]}],
}
GENERATE = {
    "systemInstruction": {"parts": [{"text": "own secret"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "the first secret"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"found": "a secret found"}}}]},
        {"role": "model", "parts": [{"text": "well"}]},
        {"role": "user", "parts": [{"text": "the last secret"}]},
    ],
    "tools": [{"functionDeclarations": [FUNCTION]}],
}
OLLAMA_CALL = {"function": {"name": "look", "arguments": {}}}
OLLAMA = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "own secret"},
        ASKED,
        {"role": "assistant", "content": "", "tool_calls": [OLLAMA_CALL]},
        {"role": "tool", "tool_name": "look", "content": "a secret found"},
        {"role": "assistant", "content": "well"},
        LAST,
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
}
CLIENTS = {
    "anthropic.messages": MESSAGES,
    "gemini.generate": GENERATE,
    "ollama.chat": OLLAMA,
    "openai.chat": CHAT,
    "openai.responses": RESPONSES,
}
BARE = {"openai.completions": {"model": "m", "prompt": "the last secret"}}
COUNTS = {"anthropic.count_tokens": MESSAGES, "gemini.count_tokens": GENERATE}

# Where each upstream has the limit of its output.
UPSTREAMS = {
    "anthropic.messages": ["max_tokens"],
    "bedrock.converse": ["inferenceConfig", "maxTokens"],
    "cohere.chat": ["max_tokens"],
    "gemini.generate": ["generationConfig", "maxOutputTokens"],
    "ollama.chat": ["options", "num_predict"],
    "openai.chat": ["max_tokens"],
    "openai.responses": ["max_output_tokens"],
}
SYSTEM_MEMBERS = {
    "anthropic.messages": "system",
    "bedrock.converse": "system",
    "gemini.generate": "systemInstruction",
    "openai.responses": "instructions",
}

every_client = pytest.mark.parametrize("client", CLIENTS)
every_upstream = pytest.mark.parametrize("upstream", UPSTREAMS)


def ask(client, **members):
    body = {**CLIENTS, **BARE, **COUNTS}[client]
    context = RequestContext(path={"model": "m", "method": "generateContent"})
    return CLIENT_DIALECTS.get(client)().parse(json.dumps({**body, **members}).encode(), context)


def sent(request, upstream):
    """The body that an upstream gets which speaks one dialect alone."""

    class One(Provider):
        endpoints = {upstream: "/"}  # noqa: RUF012
        default_base_url = "https://up.example"
        asks_usage = False

    return One().call(request).body


def at(body, place):
    for name in place:
        body = body[name]
    return body


def prompt_of(body, upstream):
    """The system prompt that an upstream gets, in JSON: a member of its own, messages, or both."""
    said = body.get("messages") or body.get("input") or ()
    messages = [message for message in said if message.get("role") == "system"]
    return json.dumps([body.get(SYSTEM_MEMBERS.get(upstream)), messages])


class Redact(Processor):
    def process(self, request):
        return request.map_texts(lambda text: text.replace("secret", "[redacted]"))


class Better(LLMClient):
    """Says the same to everything."""

    def execute(self, request):
        return ResponseStream.say(Answer.of(Text("a better question")), request)


@every_upstream
@pytest.mark.parametrize("client", [*CLIENTS, *BARE])
@pytest.mark.parametrize("asked", [None, 1000])
def test_a_limit_arrives(client, upstream, asked):
    request = ask(client) if asked is None else ask(client).with_max_tokens(asked)
    limited = TokenLimitProcessor(77).process(request)
    assert at(sent(limited, upstream), UPSTREAMS[upstream]) == 77


@every_upstream
@every_client
@pytest.mark.parametrize(
    ("position", "order"), [("before", ["house", "own"]), ("after", ["own", "house"]), ("replace", ["house"])]
)
def test_a_system_prompt_arrives(client, upstream, position, order):
    request = SystemPromptProcessor("house rules", position).process(ask(client))
    prompt = prompt_of(sent(request, upstream), upstream)
    assert sorted(filter(prompt.count, ["own", "house"]), key=prompt.index) == order


@every_upstream
def test_a_bare_prompt_arrives_with_the_system_prompt_before_it(upstream):
    request = SystemPromptProcessor("house rules").process(ask("openai.completions"))
    body = json.dumps(sent(request, upstream))
    assert 0 < body.index("house rules") < body.index("the last secret")


@every_upstream
@every_client
def test_texts_arrive_as_they_were_changed(client, upstream):
    body = json.dumps(sent(Redact().process(ask(client)), upstream))
    assert ("secret" in body, body.count("[redacted]")) == (False, 4)


@every_upstream
@every_client
def test_the_text_that_a_model_wrote_anew_arrives(client, upstream):
    processor = LLMProcessor("helper", "Ask better.", client=Better())
    body = json.dumps(sent(processor.process(ask(client)), upstream))
    assert ("the last secret" in body, body.count("a better question")) == (False, 1)
    assert "the first secret" in body


@every_upstream
@every_client
def test_a_default_arrives(client, upstream):
    body = sent(DefaultsProcessor({"temperature": 0.25, "max_tokens": 77}).process(ask(client)), upstream)
    assert at(body, UPSTREAMS[upstream]) == 77
    assert '"temperature": 0.25' in json.dumps(body)


@pytest.mark.parametrize("upstream", ["gemini.generate", "ollama.chat", "openai.chat", "cohere.chat"])
@every_client
def test_a_default_that_the_clients_dialect_cannot_say_arrives_where_it_can_be_said(client, upstream):
    body = sent(DefaultsProcessor({"seed": 7}).process(ask(client)), upstream)
    assert '"seed": 7' in json.dumps(body)


@pytest.mark.parametrize("client", ["anthropic.messages", "openai.responses"])
def test_a_default_that_nobody_there_knows_is_not_sent(client):
    request = DefaultsProcessor({"seed": 7, "presence_penalty": 1}).process(ask(client))
    assert sent(request, client) == sent(ask(client), client)


# Further members of a chat, for a client that cannot say them.


def defaulted(client="anthropic.messages", upstream="openai.chat", **params):
    return sent(DefaultsProcessor(params).process(ask(client)), upstream)


def test_a_default_may_be_an_object():
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    body = defaulted(response_format=form, verbosity="low")
    assert (body["response_format"], body["verbosity"]) == (form, "low")
    assert defaulted(upstream="gemini.generate", response_format=form)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


def test_what_the_client_could_not_read_is_not_asked_for():
    body = defaulted(n=2, logprobs=True, top_logprobs=3)
    assert not {"n", "logprobs", "top_logprobs"} & body.keys()


def test_how_tools_are_called_is_said_only_where_there_are_some():
    request = DefaultsProcessor({"parallel_tool_calls": False}).process(ask("anthropic.messages", tools=[]))
    assert "parallel_tool_calls" not in sent(request, "openai.chat")
    assert defaulted(parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_what_the_client_says_itself_stays():
    request = ask("gemini.generate", generationConfig={"seed": 1, "thinkingConfig": {"thinkingBudget": 0}})
    body = sent(DefaultsProcessor({"seed": 7, "reasoning_effort": "high"}).process(request), "openai.chat")
    assert (body["seed"], body["reasoning_effort"]) == (1, "none")


# Counts.


@pytest.mark.parametrize("client", COUNTS)
@pytest.mark.parametrize("upstream", COUNTS)
def test_what_is_counted_is_what_would_be_sent(client, upstream):
    request = ask(client)
    for processor in (
        Redact(),
        SystemPromptProcessor("house rules"),
        LLMProcessor("helper", "Ask better.", client=Better()),
    ):
        request = processor.process(request)
    body = json.dumps(sent(request, upstream))
    assert all(text in body for text in ("house rules", "a better question", "own [redacted]"))
    assert "secret" not in body


@pytest.mark.parametrize("client", COUNTS)
def test_what_is_counted_has_no_output_to_limit(client):
    assert sent(TokenLimitProcessor(77).process(ask(client)), client) == sent(ask(client), client)


@pytest.mark.parametrize("client", [*CLIENTS, *COUNTS])
def test_every_text_counts_for_the_limit_of_a_prompt(client):
    processor = TokenLimitProcessor(max_input_tokens=300)
    assert processor.process(ask(client))
    for place in ("own", "the first", "a", "the last"):
        long = ask(client).map_texts(lambda text, place=place: text.replace(f"{place} secret", "x" * 1200))
        with pytest.raises(TokenLimitExceeded):
            processor.process(long)
