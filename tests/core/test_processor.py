import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import RequestRefused
from llmproxy.core.processor import Processor, ProcessorChain
from llmproxy.core.response import ResponseStream
from llmproxy.dialects.openai_chat import OpenAIChatClient


def ask():
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    return OpenAIChatClient().parse(body, RequestContext())


class Naming(Processor):
    """Notes the model it sees and gives another."""

    def __init__(self, name, when=None):
        self.name, self.when = name, when
        self.seen = []

    def process(self, request):
        self.seen.append(request.model)
        return request.with_model(self.name)

    def process_response(self, request, stream):
        stream.headers["x-seen"] = stream.headers.get("x-seen", "") + self.name
        return stream


class Refusing(Processor):
    def process(self, request):
        raise RequestRefused()


def test_each_processor_gets_what_the_one_before_made():
    a, b = Naming("a"), Naming("b")
    assert ProcessorChain([a, b]).process(ask()).model == "b"
    assert (a.seen, b.seen) == (["m"], ["a"])


def test_a_processor_looks_at_the_request_as_it_is_by_then():
    b = Naming("b", when=lambda request: request.model == "a")
    assert ProcessorChain([Naming("a"), b]).process(ask()).model == "b"


def test_a_processor_is_not_asked_for_what_does_not_concern_it():
    b = Naming("b", when=lambda request: False)
    assert (ProcessorChain([b]).process(ask()).model, b.seen) == ("m", [])


def test_a_refusal_ends_the_way_in():
    b = Naming("b")
    with pytest.raises(RequestRefused):
        ProcessorChain([Refusing(), b]).process(ask())
    assert b.seen == []


def test_a_chain_without_processors_changes_nothing():
    request, stream = ask(), ResponseStream([])
    chain = ProcessorChain()
    assert chain.process(request) is request
    assert chain.process_response(request, stream) is stream


def test_a_processor_that_does_nothing_changes_nothing():
    request, stream = ask(), ResponseStream([])
    chain = ProcessorChain([Processor()])
    assert chain.process(request) is request
    assert chain.process_response(request, stream) is stream


def test_one_chain_serves_many_requests():
    chain = ProcessorChain([Naming("a"), Naming("b")])
    requests = [chain.process(ask()) for _ in range(2)]
    streams = [chain.process_response(request, ResponseStream([])) for request in requests]
    assert [stream.headers["x-seen"] for stream in streams] == ["ba", "ba"]


def test_a_request_may_pass_two_chains():
    outer, inner = ProcessorChain([Naming("a")]), ProcessorChain([Naming("b")])
    request = inner.process(outer.process(ask()))
    assert outer.process_response(request, ResponseStream([])).headers["x-seen"] == "a"
