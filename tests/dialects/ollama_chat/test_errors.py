import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ModelNotFound, ProviderError, ProviderUnavailable, StreamError
from llmproxy.dialects.ollama_chat import OllamaChatClient, OllamaChatProvider


def read(status, body):
    return OllamaChatProvider().read_error(status, {}, body)


@pytest.mark.parametrize(
    ("error", "status"), [(ModelNotFound(), 404), (ProviderUnavailable(), 503), (LLMProxyError(), 500)]
)
def test_an_error_is_one_text_with_the_status_of_its_code(error, status):
    assert OllamaChatClient().write_error(error, RequestContext()) == (status, {"error": error.message})


def test_in_a_stream_an_error_is_a_line_and_nothing_follows():
    events = list(OllamaChatClient().error_events(StreamError(), RequestContext()))
    assert [event.raw for event in events] == [
        json.dumps({"error": StreamError().message}, separators=(",", ":")).encode() + b"\n"
    ]


@pytest.mark.parametrize(
    ("status", "text", "code", "ours"),
    [
        (404, "model 'x' not found", "upstream_rejected", 404),
        (400, '"x" does not support tools', "upstream_rejected", 400),
        (401, "unauthorized", "upstream_auth_failed", 502),
        (429, "too many requests", "upstream_rate_limited", 429),
        (503, "server busy", "upstream_overloaded", 503),
        (500, "model runner crashed", "upstream_error", 502),
    ],
)
def test_the_status_tells_what_an_error_means(status, text, code, ours):
    error = read(status, json.dumps({"error": text}).encode())
    assert (error.code, error.status) == (code, ours)
    assert (error.message == text) == (code == "upstream_rejected")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"error":{"message":"x","type":"api_error"}}'])
def test_an_error_in_another_form_is_an_error_all_the_same(body):
    assert isinstance(read(500, body), ProviderError)


def test_an_error_in_the_place_of_an_answer_is_the_upstreams_failure():
    assert read(200, b'{"error":"out of memory"}').code == "upstream_error"
