"""Whatever comes, it is either understood or refused: nonsense of an upstream's is a bad answer, nonsense of a client's
a bad request, and neither is ever a fault of our own."""

import copy
import json
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialects.samples import ANSWERS, ERRORS, REQUESTS, STREAMS, framed
from llmproxy.core.answer import Answer, Delta
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ParseError, ProviderError, UnsupportedFeature
from llmproxy.core.response import ResponseStream
from llmproxy.core.shape import NONSENSE
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider

CHAT_CLIENTS = ("anthropic.messages", "gemini.generate", "ollama.chat", "openai.chat", "openai.responses")
CHAT_PROVIDERS = (*CHAT_CLIENTS, "bedrock.converse", "cohere.chat")

# What a provider half may raise: `core.response` makes a bad answer of it.
REFUSED = (*NONSENSE, ParseError, ProviderError, UnsupportedFeature)

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
thoroughly = settings(max_examples=20, suppress_health_check=list(HealthCheck))


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


def ask(name, *, stream=False, body=None):
    """A request in the dialect `name`, as its client half parses it."""
    written = json.dumps({**REQUESTS[name], "stream": stream} if body is None else body).encode()
    path = {"model": "m", "method": "streamGenerateContent" if stream else "generateContent"}
    context = RequestContext(id="req", received_at=1754546891.5, path=path, query={"alt": "sse"})
    return CLIENT_DIALECTS.get(name)().parse(written, context)


def code_of(answer):
    """Why an answer did not reach its client whole; None if it did."""
    try:
        b"".join(answer)
    except LLMProxyError as error:
        return error.code
    return answer.failure and answer.failure.code


def status_of(function):
    """The status of the error that comes of calling this; 200 if there is none."""
    try:
        function()
    except LLMProxyError as error:
        return error.status
    return 200


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
    assert code_of(ResponseStream.relay(events, dialect, ask(client, stream=True))) is None


@pytest.mark.parametrize("client", CHAT_CLIENTS)
def test_every_request_is_understood(client):
    assert ask(client).to_chat().messages


# Upstreams.


@pytest.mark.parametrize("name", [*PROVIDER_DIALECTS])
@given(data=st.data())
@thoroughly
def test_a_whole_answer_is_what_it_should_be_or_none(name, data):
    dialect, body = provider(name), data.draw(JSON | mutated(ANSWERS[name]))
    event = Event.whole(json.dumps(body).encode())
    try:
        if not dialect.signs(event, True).error:
            assert isinstance(dialect.read_answer(body), Answer)
    except REFUSED:
        pass


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@thoroughly
def test_an_event_of_a_stream_is_what_it_should_be_or_none(name, data):
    dialect, values = provider(name), data.draw(mutated(STREAMS[name]))
    read = dialect.reader()
    try:
        for event in dialect.decode([framed(name, values)]):
            if event is not PAUSE and not dialect.signs(event, False).error:
                assert all(isinstance(delta, get_args(Delta)) for delta in read(event))
    except REFUSED:
        pass


@pytest.mark.parametrize("name", CHAT_PROVIDERS)
@given(data=st.data())
@thoroughly
def test_a_nonsensical_answer_is_the_upstreams_fault(name, data):
    body, client = data.draw(mutated(ANSWERS[name])), data.draw(st.sampled_from(CHAT_CLIENTS))
    stream = data.draw(st.booleans())
    events = [Event.whole(json.dumps(body).encode())]
    answer = ResponseStream.relay(events, provider(name), ask(client, stream=stream), whole=True)
    assert code_of(answer) != "internal_error"


EMBEDDERS = [name for name in PROVIDER_DIALECTS if provider(name).purpose == "embeddings"]


@pytest.mark.parametrize("name", EMBEDDERS)
@given(data=st.data())
@thoroughly
def test_nonsensical_vectors_are_the_upstreams_fault(name, data):
    body, encoding = data.draw(mutated(ANSWERS[name])), data.draw(st.sampled_from(["float", "base64"]))
    request = ask("openai.embeddings", body={**REQUESTS["openai.embeddings"], "encoding_format": encoding})
    answer = ResponseStream.relay([Event.whole(json.dumps(body).encode())], provider(name), request)
    answer.map_deltas(lambda delta: delta)  # so that they are written anew in their own dialect too
    assert code_of(answer) != "internal_error"


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@thoroughly
def test_a_nonsensical_stream_is_the_upstreams_fault(name, data):
    dialect, values = provider(name), data.draw(mutated(STREAMS[name]))
    client = data.draw(st.sampled_from(CHAT_CLIENTS))
    stream = data.draw(st.booleans())
    events = dialect.decode([framed(name, values), PAUSE])
    answer = ResponseStream.relay(events, dialect, ask(client, stream=stream), whole=False)
    assert code_of(answer) != "internal_error"


@pytest.mark.parametrize("name", [*PROVIDER_DIALECTS])
@given(data=st.data())
@thoroughly
def test_an_error_is_read_whatever_it_says(name, data):
    body = data.draw(JSON | mutated(ERRORS))
    status = data.draw(st.sampled_from([200, 400, 429, 500]))
    assert isinstance(provider(name).read_error(status, {}, json.dumps(body).encode()), ProviderError)


# Clients.


def use(request):
    """Everything that is asked of a request on its way."""
    list(request.texts())
    request.last_user_text()
    request.map_texts(str.upper)
    request.with_system_prompt("be brief")
    request.with_last_user_text("hi")
    request.with_max_tokens(5)
    assert request.max_tokens is None or request.max_tokens >= 0
    return request.to_embedding() if request.purpose == "embeddings" else request.to_chat()


@pytest.mark.parametrize("client", REQUESTS)
@given(data=st.data())
@thoroughly
def test_a_request_is_what_it_should_be_or_a_bad_one(client, data):
    body = data.draw(JSON | mutated(REQUESTS[client]))
    assert status_of(lambda: use(ask(client, body=body))) in (200, 400)


@pytest.mark.parametrize("client", [name for name in REQUESTS if name != "openai.embeddings"])
@given(data=st.data())
@thoroughly
def test_a_request_that_was_understood_can_be_asked_of_anyone(client, data):
    body, name = data.draw(mutated(REQUESTS[client])), data.draw(st.sampled_from(CHAT_PROVIDERS))
    assert status_of(lambda: provider(name).write_request(ask(client, body=body).to_chat())) in (200, 400)
