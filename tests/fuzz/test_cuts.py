"""Wherever the network cuts an upstream's stream in pieces, nobody can tell; where it breaks off, everybody can."""

import itertools
import json

import pytest
from dialects.samples import REQUESTS, STREAMS, framed
from eventstreams import framed as framed_message
from eventstreams import message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmproxy.core import eventstream, ndjson, sse
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider

PATIENT = list(HealthCheck)
CLIENTS = ("anthropic.messages", "gemini.generate", "ollama.chat", "openai.chat", "openai.responses")

EVENTS = st.sampled_from([
    b"data: 1\n", b"data: 2\r\n", b"data:", b"event: a\n", b": c\r", b"\n", b"\r\n", b"\r", b"id: \x00\n",
    b"\xef\xbb\xbf", "é€".encode(), b"retry: 1\n", b"{}", b"\xff",
])  # fmt: skip
LINES = st.sampled_from([
    b"{}", b'{"a":1}', b"\n", b"\r\n", b" ", b"\r", b"x", "é€".encode(), b"\xff", b"\x00", b"\xe2\x80\xa8",
])  # fmt: skip
PAYLOADS = st.binary(max_size=20) | st.just({"text": "é"})
MESSAGES = (
    st.builds(message, st.sampled_from(["a", "contentBlockDelta"]), PAYLOADS, st.sampled_from(["event", "exception"]))
    | st.builds(framed_message, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), PAYLOADS.filter(
        lambda payload: isinstance(payload, bytes)
    ))
    | st.binary(max_size=20)
)  # fmt: skip
FRAMINGS = {
    "sse": (sse.decode, st.lists(EVENTS, max_size=30)),
    "ndjson": (ndjson.decode, st.lists(LINES, max_size=30)),
    "eventstream": (eventstream.decode, st.lists(MESSAGES, max_size=5)),
}


@st.composite
def cuts_of(draw, stream):
    """The stream in pieces, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in itertools.pairwise([0, *places, len(stream)])]


def outcome(decode, chunks):
    """What every event says, and why there was no further one."""
    found = []
    try:
        for event in decode(chunks):
            if event is not PAUSE and event.data is not None:
                found.append((event.type, event.data, event.complete))
    except ProviderError as error:
        found.append((error.code, error.detail))
    return found


@pytest.mark.parametrize("name", FRAMINGS)
@given(data=st.data())
@settings(max_examples=100, suppress_health_check=PATIENT)
def test_any_cut_gives_the_same_events_and_the_same_end(name, data):
    decode, pieces = FRAMINGS[name]
    stream = b"".join(data.draw(pieces))
    whole = outcome(decode, [stream])
    assert outcome(decode, data.draw(cuts_of(stream))) == whole
    assert outcome(decode, [bytes([byte]) for byte in stream]) == whole


@pytest.mark.parametrize("name", ["sse", "ndjson"])
@given(data=st.data())
@settings(max_examples=50, suppress_health_check=PATIENT)
def test_the_bytes_of_the_events_are_those_of_the_stream(name, data):
    decode, pieces = FRAMINGS[name]
    stream = b"".join(data.draw(pieces))
    raw = b"".join(event.raw for event in decode(data.draw(cuts_of(stream))) if event is not PAUSE)
    assert raw.removeprefix(stream).strip(b"\n") == b""
    assert raw.startswith(stream)


# To the client, in the words of each dialect.


def provider(name):
    return BedrockInvokeAnthropicProvider() if name == "bedrock.invoke" else PROVIDER_DIALECTS.get(name)()


def asked(client, stream):
    body = json.dumps({**REQUESTS[client], "stream": stream}).encode()
    path = {"model": "m", "method": "streamGenerateContent" if stream else "generateContent"}
    context = RequestContext(id="req", received_at=1754546891.5, path=path, query={"alt": "sse"})
    return CLIENT_DIALECTS.get(client)().parse(body, context)


def relayed(name, chunks, client, stream=True):
    """What the client is sent, and why it is not all of an answer; None if it is."""
    dialect = provider(name)
    answer = ResponseStream.relay(dialect.decode(chunks), dialect, asked(client, stream), whole=False)
    try:
        sent = b"".join(answer)
    except LLMProxyError as error:
        return b"", error.code
    return sent, answer.failure and answer.failure.code


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@settings(max_examples=30, suppress_health_check=PATIENT)
def test_any_cut_of_an_answer_says_the_same_to_every_client(name, data):
    stream, client = framed(name, STREAMS[name]), data.draw(st.sampled_from(CLIENTS))
    assert relayed(name, data.draw(cuts_of(stream)), client) == relayed(name, [stream], client)


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=PATIENT)
def test_an_answer_that_breaks_off_is_whole_or_the_upstreams_fault(name, data):
    stream, client = framed(name, STREAMS[name]), data.draw(st.sampled_from(CLIENTS))
    broken = stream[: data.draw(st.integers(0, len(stream)))]
    _, failure = relayed(name, [broken], client, stream=data.draw(st.booleans()))
    assert failure is None or failure.startswith("upstream_")
    assert failure or len(broken) > len(stream) / 2
