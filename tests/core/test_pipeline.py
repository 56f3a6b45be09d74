"""The pipeline as plain Python: without Flask, without a configuration file."""

import json

import pytest
import responses
from responses import matchers

from llmproxy import EnvTokenProvider, Pipeline, ProcessorChain, ProviderConfig, StaticUrlProvider, TokenLimitProcessor
from llmproxy.core.client import LLMClient
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import (
    ClientGone,
    LLMProxyError,
    ParseError,
    ProviderRateLimited,
    RequestRefused,
    TokenLimitExceeded,
)
from llmproxy.core.processor import Processor
from llmproxy.core.response import ResponseStream
from llmproxy.dialects.openai_chat import OpenAIChatClient
from llmproxy.providers.openai import OpenAIProvider

BODY = b'{"messages": [{"role": "user", "content": "test"}], "model": "test-model"}'
URL = "https://up.example/v1/chat/completions"
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
STREAM = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.fixture
def pipeline(monkeypatch):
    monkeypatch.setenv("TEST_TOKEN", "secret")
    provider = OpenAIProvider(
        ProviderConfig("https://up.example/v1"),
        token_provider=EnvTokenProvider("TEST_TOKEN"),
        url_provider=StaticUrlProvider("https://up.example/v1"),
    )
    return Pipeline(OpenAIChatClient(), ProcessorChain([TokenLimitProcessor(2000)]), provider)


@pytest.fixture
def upstream():
    with responses.RequestsMock() as mock:
        yield mock


def answering(mock, expected=None, headers=None, **answer):
    matched = [matchers.header_matcher(headers or {"Authorization": "Bearer secret"})]
    if expected is not None:
        matched.append(matchers.json_params_matcher(expected))
    mock.post(URL, match=matched, **answer)


def test_a_request_goes_through_and_comes_back(pipeline, upstream):
    answering(upstream, {**json.loads(BODY), "max_tokens": 2000}, json=ANSWER)
    with pipeline.execute(BODY) as stream:
        body = b"".join(stream)
    assert json.loads(body) == ANSWER


def test_a_stream_goes_through_and_comes_back(pipeline, upstream):
    answering(upstream, body=STREAM, content_type="text/event-stream")
    with pipeline.execute(BODY[:-1] + b', "stream": true}') as stream:
        assert b"".join(stream) == STREAM
    assert json.loads(upstream.calls[0].request.body)["stream_options"] == {"include_usage": True}


def test_a_request_that_needs_no_edit_is_sent_as_it_came(pipeline, upstream):
    body = b'{"max_tokens":7,  "messages": [{"role": "user", "content": "test"}], "model": "test-model"}'
    answering(upstream, json=ANSWER)
    with pipeline.execute(body) as stream:
        b"".join(stream)
    assert upstream.calls[0].request.body == body


def test_a_body_that_cannot_be_read_never_leaves(pipeline, upstream):
    with pytest.raises(ParseError):
        pipeline.execute(b"{")
    assert len(upstream.calls) == 0


def test_a_processor_may_refuse_before_anything_leaves(upstream):
    pipeline = Pipeline(OpenAIChatClient(), ProcessorChain([TokenLimitProcessor(max_input_tokens=1)]), OpenAIProvider())
    with pytest.raises(TokenLimitExceeded):
        pipeline.execute(BODY.replace(b"test", b"a long prompt"))
    assert len(upstream.calls) == 0


def test_an_error_of_the_upstream_is_raised(pipeline, upstream):
    context = RequestContext(attempts=[Attempt("l", "m")])
    answering(upstream, status=429, json={"error": {"message": "slow"}}, headers={"Content-Type": "application/json"})
    with pytest.raises(ProviderRateLimited):
        pipeline.execute(BODY, context)
    assert (context.outcome.status, context.outcome.settlement) == (429, "void")


def test_a_request_is_prepared_without_anything_being_sent(pipeline, upstream):
    request = pipeline.prepare(BODY)
    assert (request.max_tokens, request.context.outcome, len(upstream.calls)) == (2000, None, 0)


# Finishing, with a client of a few lines.


class Saying(LLMClient):
    def __init__(self, *chunks, error=None):
        self.chunks, self.error, self.streams = chunks, error, []

    def execute(self, request):
        if self.error is not None:
            raise self.error
        self.streams.append(ResponseStream(self.chunks, request))
        return self.streams[-1]


def finished(client, use=None, processors=()):
    """How a request ended that `client` answered."""
    context = RequestContext(attempts=[Attempt("l", "m", sent=True)])
    pipeline = Pipeline(OpenAIChatClient(), ProcessorChain(processors), client)
    try:
        with pipeline.execute(BODY, context) as stream:
            assert context.outcome is None
            (use or list)(stream)
    except Exception as error:
        return context.outcome, error
    return context.outcome, None


def test_a_request_is_finished_when_its_answer_is_closed():
    outcome, error = finished(Saying(b"a", b"b"))
    assert (outcome.settlement, outcome.status, outcome.error, error) == ("settled", 200, None, None)


def test_an_answer_closed_early_was_left():
    outcome, _ = finished(Saying(b"a", b"b"), use=next)
    assert (outcome.settlement, outcome.status) == ("partial", 499)
    assert isinstance(outcome.error, ClientGone)


def test_a_request_without_an_answer_is_finished_at_once():
    failure = ProviderRateLimited()
    outcome, error = finished(Saying(error=failure))
    assert (outcome.error, outcome.status, error) == (failure, 429, failure)


def test_a_fault_of_our_own_finishes_the_request_too():
    outcome, error = finished(Saying(error=KeyError("x")))
    assert (outcome.error.code, outcome.status) == ("internal_error", 500)
    assert isinstance(error, KeyError)


def test_a_processor_that_fails_on_the_way_back_closes_the_answer():
    class Failing(Processor):
        def process_response(self, request, stream):
            raise RequestRefused()

    client, closed = Saying(b"a"), []

    class Watching(Processor):
        def process_response(self, request, stream):
            stream.on_close(lambda: closed.append(1))
            return stream

    outcome, error = finished(client, processors=[Failing(), Watching()])
    assert isinstance(error, LLMProxyError)
    assert (closed, outcome.status) == ([1], 400)


def test_what_hangs_on_the_end_runs_after_the_answer_was_released():
    order = []
    context = RequestContext()
    context.on_finish(lambda finished: order.append("finished"))

    class Releasing(Saying):
        def execute(self, request):
            stream = super().execute(request)
            stream.on_close(lambda: order.append("released"))
            return stream

    with Pipeline(OpenAIChatClient(), ProcessorChain(), Releasing(b"a")).execute(BODY, context) as stream:
        list(stream)
    assert order == ["released", "finished"]
