"""Whatever comes, it is either understood or refused: nonsense of an upstream's is a bad answer, nonsense of a client's
a bad request, and neither is ever a fault of our own."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialects.samples import ANSWERS, REQUESTS, STREAMS, framed
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError, UnsupportedFeature
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider

# What `signs`, `read_answer` and a reader may raise: `core.response` makes a bad answer of it.
NOT_OF_THIS_DIALECT = (LookupError, TypeError, ValueError, AttributeError, ProviderError)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
import os
MAX = int(os.environ.get("MAX", 100))
ERRORS = {"error": {"type": "a", "code": "b", "message": "c", "param": "d", "status": "UNAVAILABLE", "reason": "a", "innererror": {}, "details": [{"reason": "API_KEY_INVALID", "retryDelay": "5s"}]}, "message": "m", "detail": [{"loc": ["a"], "msg": "b"}], "response": {}}
CHAT_CLIENTS = ("anthropic.messages", "gemini.generate", "ollama.chat", "openai.chat", "openai.responses")
CHAT_PROVIDERS = (*CHAT_CLIENTS, "bedrock.converse", "cohere.chat")


def provider(name):
    return BedrockInvokeAnthropicProvider() if name == "bedrock.invoke" else PROVIDER_DIALECTS.get(name)()


def places(value, path=()):
    """The path of everything within a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


@st.composite
def mutated(draw, value):
    """The value with up to three of its members replaced by something else, or taken out."""
    changed = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(list(places(changed)) or [("a",)]))
        inner = changed
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict) and draw(st.booleans()):
            inner.pop(key, None)
        else:
            inner[key] = draw(JSON)
    return changed


def ask(client_name, *, stream=False, body=None):
    body = json.dumps({**REQUESTS[client_name], "stream": stream} if body is None else body).encode()
    path = {"model": "m", "method": "streamGenerateContent" if stream else "generateContent"}
    context = RequestContext(id="req", received_at=1754546891.5, path=path, query={"alt": "sse"})
    return CLIENT_DIALECTS.get(client_name)().parse(body, context)


def relayed(stream):
    """Why an answer did not reach its client; None if it did."""
    try:
        b"".join(stream)
    except LLMProxyError as error:
        return error.code
    return stream.failure and stream.failure.code


# The samples themselves make sense, or their mutations would show nothing.


@pytest.mark.parametrize("name", [*PROVIDER_DIALECTS])
def test_there_is_a_whole_answer_of_every_dialect(name):
    body = ANSWERS[name]
    assert provider(name).signs(Event.whole(json.dumps(body).encode()), True).finished


@pytest.mark.parametrize("client", CHAT_CLIENTS)
@pytest.mark.parametrize("name", STREAMS)
def test_every_stream_is_understood(name, client):
    dialect = provider(name)
    events = dialect.decode([framed(name, STREAMS[name]), PAUSE])
    assert relayed(ResponseStream.relay(events, dialect, ask(client, stream=True))) is None


@pytest.mark.parametrize("name", CHAT_PROVIDERS)
@pytest.mark.parametrize("client", CHAT_CLIENTS)
def test_every_request_is_understood(client, name):
    body, _ = provider(name).write_request(ask(client).to_chat())
    assert body


# Upstreams.


@pytest.mark.parametrize("name", [*PROVIDER_DIALECTS])
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_a_whole_answer_is_what_it_should_be_or_none(name, data):
    dialect, body = provider(name), data.draw(JSON | mutated(ANSWERS[name]))
    event = Event.whole(json.dumps(body).encode())
    try:
        if not dialect.signs(event, True).error:
            dialect.read_answer(body)
    except (*NOT_OF_THIS_DIALECT, UnsupportedFeature):
        pass


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_an_event_of_a_stream_is_what_it_should_be_or_none(name, data):
    dialect, values = provider(name), data.draw(mutated(STREAMS[name]))
    read = dialect.reader()
    try:
        for event in dialect.decode([framed(name, values)]):
            if event is not PAUSE and not dialect.signs(event, False).error:
                list(read(event))
    except NOT_OF_THIS_DIALECT:
        pass


@pytest.mark.parametrize("name", [name for name in ANSWERS if provider(name).purpose == "chat" and name != "openai.completions"])
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_a_nonsensical_answer_is_the_upstreams_fault(name, data):
    body, client = data.draw(mutated(ANSWERS[name])), data.draw(st.sampled_from(CHAT_CLIENTS))
    stream = data.draw(st.booleans())
    events = [Event.whole(json.dumps(body).encode())]
    answer = ResponseStream.relay(events, provider(name), ask(client, stream=stream), whole=True)
    assert relayed(answer) != "internal_error"


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_a_nonsensical_stream_is_the_upstreams_fault(name, data):
    dialect, values = provider(name), data.draw(mutated(STREAMS[name]))
    client = data.draw(st.sampled_from(CHAT_CLIENTS))
    stream = data.draw(st.booleans())
    events = dialect.decode([framed(name, values), PAUSE])
    answer = ResponseStream.relay(events, dialect, ask(client, stream=stream), whole=False)
    assert relayed(answer) != "internal_error"


@pytest.mark.parametrize("name", [*PROVIDER_DIALECTS])
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_an_error_is_read_whatever_it_says(name, data):
    body = data.draw(JSON | mutated(ERRORS))
    status = data.draw(st.sampled_from([200, 400, 429, 500]))
    assert isinstance(provider(name).read_error(status, {}, json.dumps(body).encode()), ProviderError)


# Clients.


@pytest.mark.parametrize("client", REQUESTS)
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_a_request_is_what_it_should_be_or_a_bad_one(client, data):
    try:
        request = ask(client, body=data.draw(mutated(REQUESTS[client])))
        list(request.texts())
        request.last_user_text()
        request.map_texts(str.upper)
        request.with_system_prompt("be brief")
        request.with_last_user_text("hi")
        request.with_max_tokens(5)
        assert request.max_tokens is None or request.max_tokens >= 0
        if request.purpose == "embeddings":
            request.to_embedding()
        else:
            request.to_chat()
    except LLMProxyError as error:
        assert error.status == 400


@pytest.mark.parametrize("client", [name for name in REQUESTS if name != "openai.embeddings"])
@given(data=st.data())
@settings(max_examples=MAX, suppress_health_check=list(HealthCheck))
def test_a_request_that_was_understood_can_be_asked_of_anyone(client, data):
    try:
        request = ask(client, body=data.draw(mutated(REQUESTS[client])))
        provider(data.draw(st.sampled_from(CHAT_PROVIDERS))).write_request(request.to_chat())
    except LLMProxyError as error:
        assert error.status == 400
