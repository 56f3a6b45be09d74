"""The system in parts and as a whole, against an upstream that is mocked; `pytest` in this folder runs it."""

import json

import pytest
import responses
from custom_errors import CustomParseError, CustomRequestError, CustomStreamError
from custom_provider import CustomProvider, CustomRequestParser
from custom_types import CustomRequest

from llmproxy import (
    ParseError,
    Pipeline,
    ProcessorChain,
    ProviderConfig,
    ProviderError,
    ProviderRateLimited,
    StreamError,
    TokenLimitProcessor,
)

URL = "https://up.example/v1/chat/completions"
ANSWER = {
    "id": "1",
    "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
EVENTS = b'data: {"text": "one "}\n\ndata: {"text": "two"}\n\n'
DONE = b"data: [DONE]\n\n"
BODY = {"messages": [{"role": "user", "content": "Hello"}], "model": "test-model"}


@pytest.fixture
def upstream():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setenv("TEST_TOKEN", "secret")
    config = ProviderConfig("https://up.example", "TEST_TOKEN", timeout_secs=30, max_retries=3)
    return CustomProvider.from_config(config)


def ask(provider, **members):
    request = CustomRequest(**{**BODY, **members})
    with provider.execute(request) as stream:
        return request, b"".join(stream)


# The provider by itself.


def test_a_whole_answer_arrives_and_is_counted(provider, upstream):
    matcher = responses.matchers.header_matcher({"Authorization": "Bearer secret"})
    upstream.post(URL, json=ANSWER, match=[matcher])
    request, body = ask(provider, max_tokens=100, custom_field="x")
    assert json.loads(body) == ANSWER
    sent = json.loads(upstream.calls[0].request.body)
    assert sent == {**BODY, "stream": False, "max_tokens": 100, "custom_field": "x"}
    assert request.context.usage.total == 3


def test_a_stream_arrives_as_it_is(provider, upstream):
    upstream.post(URL, body=EVENTS + DONE, content_type="text/event-stream")
    assert ask(provider, stream=True)[1] == EVENTS + DONE


def test_a_refusal_keeps_its_status_and_its_words(provider, upstream):
    upstream.post(URL, status=422, body="top_p and temperature exclude each other")
    with pytest.raises(ProviderError) as caught:
        ask(provider)
    assert isinstance(caught.value, CustomRequestError)
    assert (caught.value.status, caught.value.message) == (422, "top_p and temperature exclude each other")


def test_a_rate_limit_says_when_to_come_back(provider, upstream):
    upstream.post(URL, status=429, headers={"Retry-After": "7"})
    with pytest.raises(ProviderRateLimited) as caught:
        ask(provider)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("end", [b"", b'event: error\ndata: {"message": "out of breath"}\n\n'])
def test_a_stream_that_breaks_is_an_error(provider, upstream, end):
    upstream.post(URL, body=EVENTS + end, content_type="text/event-stream")
    with pytest.raises(StreamError) as caught:
        ask(provider, stream=True)
    assert isinstance(caught.value, CustomStreamError)
    assert caught.value.message == ("out of breath" if end else "The stream ended before it was complete.")


def test_an_answer_that_is_none_is_the_upstream_s_fault(provider, upstream):
    upstream.post(URL, json={"id": "1"})
    with pytest.raises(ProviderError) as caught:
        ask(provider)
    assert (caught.value.code, caught.value.status) == ("upstream_bad_response", 502)


# The whole pipeline.


@pytest.fixture
def pipeline(provider):
    return Pipeline(CustomRequestParser(), ProcessorChain([TokenLimitProcessor(2000)]), provider)


def test_a_request_goes_through_the_pipeline_and_comes_back(pipeline, upstream):
    upstream.post(URL, json=ANSWER)
    with pipeline.execute(json.dumps(BODY).encode()) as stream:
        assert json.loads(b"".join(stream)) == ANSWER
    assert json.loads(upstream.calls[0].request.body)["max_tokens"] == 2000


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"messages": [], "model": "m"}', "messages"),
        (b'{"messages": [{"role": "king", "content": "x"}], "model": "m"}', "messages.0.role"),
    ],
)
def test_a_body_that_makes_no_sense_never_leaves(pipeline, upstream, body, param):
    with pytest.raises(ParseError) as caught:
        pipeline.execute(body)
    assert isinstance(caught.value, CustomParseError)
    assert (caught.value.status, caught.value.param) == (400, param)
