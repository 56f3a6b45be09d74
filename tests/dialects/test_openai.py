"""What OpenAI's four dialects have in common, and how compatible hosts differ."""

import json
from dataclasses import replace

import pytest

from llmproxy.core.answer import Usage
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ParseError, ProviderRejected
from llmproxy.dialects.openai import read_error_object, read_usage
from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider

OPENAI = {"error": {"message": "m", "type": "invalid_request_error", "param": "p", "code": "c"}}
XAI = {"code": "Client specified an invalid argument", "error": "m"}
MISTRAL = {"object": "error", "message": "m", "type": "invalid_request_error", "param": None, "code": "1500"}
OPENROUTER = {"error": {"message": "m", "code": 400, "metadata": {"provider_name": "x"}}, "user_id": "u"}
GEMINI = [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}]
FASTAPI = {"detail": [{"loc": ["body", "model"], "msg": "m", "type": "missing"}]}
SHAPES = {"openai": OPENAI, "xai": XAI, "mistral": MISTRAL, "openrouter": OPENROUTER, "gemini": GEMINI}


def read(status, body, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OpenAIChatProvider().read_error(status, headers or {}, raw)


def with_words(**members):
    return {"error": {"message": "m", **members}}


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_that_is_refused_keeps_status_and_message(status, shape):
    error = read(status, SHAPES[shape])
    assert isinstance(error, ProviderRejected)
    assert (error.status, error.message, error.should_retry, error.settlement) == (status, "m", False, "void")


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ("openai", "c"),
        ("xai", "Client specified an invalid argument"),
        ("mistral", "1500"),
        ("openrouter", 400),
        ("gemini", 400),
    ],
)
def test_a_request_that_is_refused_keeps_the_upstreams_code(shape, code):
    assert read(400, SHAPES[shape]).upstream["code"] == code


@pytest.mark.parametrize(
    ("status", "body", "answer", "code"),
    [
        (401, OPENAI, 502, "upstream_auth_failed"),
        (403, OPENAI, 502, "upstream_auth_failed"),
        (402, OPENAI, 503, "upstream_quota_exhausted"),
        (408, OPENAI, 504, "upstream_timeout"),
        (429, OPENAI, 429, "upstream_rate_limited"),
        (429, with_words(type="insufficient_quota", code="insufficient_quota"), 503, "upstream_quota_exhausted"),
        (400, with_words(code="billing_hard_limit_reached"), 503, "upstream_quota_exhausted"),
        (500, OPENAI, 502, "upstream_error"),
        (502, OPENAI, 502, "upstream_error"),
        (503, OPENAI, 503, "upstream_overloaded"),
        (504, OPENAI, 504, "upstream_timeout"),
        (529, OPENAI, 503, "upstream_overloaded"),
        (520, OPENAI, 502, "upstream_error"),
        (599, OPENAI, 502, "upstream_error"),
    ],
)
def test_a_status_is_read_as_what_it_means(status, body, answer, code):
    error = read(status, body)
    assert (error.status, error.code) == (answer, code)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("shape", SHAPES)
def test_words_of_the_upstream_are_not_shown_where_the_request_is_not_at_fault(status, shape):
    body = json.loads(json.dumps(SHAPES[shape]).replace('"m"', '"canary"'))
    error = read(status, body)
    assert "canary" not in error.message
    assert error.upstream is None


@pytest.mark.parametrize("status", [401, 403])
def test_the_words_about_our_token_are_not_even_logged(status):
    error = read(status, with_words(code="canary"))
    assert "canary" not in repr(error.detail)


UNREADABLE = [
    b"", b"<html><h1>502 Bad Gateway</h1></html>", b'{"error": {"mess', b"[]", b"null", b"7", b'"x"', b"{}", b"[[]]",
    b'{"error": null}', b'{"error": 7}', b'{"error": []}', b'{"error": {}}', b'{"error": {"message": null}}',
    b"\xff\xfe", b"[" * 200_000, b"[null]", b'{"message": ""}',
]  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:20])
@pytest.mark.parametrize(("status", "answer"), [(400, 400), (404, 404), (429, 429), (500, 502), (503, 503), (200, 502)])
def test_a_body_without_an_error_keeps_the_class_of_its_status(status, answer, body):
    error = read(status, body)
    assert error.status == answer
    assert error.message == LLMProxyError(code=error.code).message
    assert error.upstream is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (OPENAI, "m"),
        (XAI, "m"),
        (MISTRAL, "m"),
        (OPENROUTER, "m"),
        (GEMINI, "m"),
        (FASTAPI, "body.model: m"),
        ({"detail": [FASTAPI["detail"][0], {"msg": "n"}]}, "body.model: m; n"),
        ({"detail": ["m"]}, '["m"]'),
        ({"detail": "m"}, "m"),
        ({"message": {"detail": "m"}}, "m"),
    ],
)
def test_the_message_is_found_in_every_shape(body, message):
    assert read_error_object(json.dumps(body).encode())["message"] == message


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ({"type": "rate_limit_error"}, 429),
        ({"code": "rate_limit_exceeded"}, 429),
        ({"code": 429}, 429),
        ({"type": "too_many_requests"}, 429),
        ({"type": "overloaded_error"}, 503),
        ({"code": 503}, 503),
        ({"type": "authentication_error"}, 502),
        ({"code": "invalid_api_key"}, 502),
        ({"type": "insufficient_quota"}, 503),
        ({"type": "server_error"}, 502),
        ({}, 502),
        ({"type": ["x"], "code": {"y": 1}}, 502),
    ],
)
def test_an_error_with_a_200_is_read_by_its_words(words, answer):
    assert read(200, with_words(**words)).status == answer


def test_a_rate_limit_says_how_long_to_wait():
    assert read(429, OPENAI, {"retry-after": "7"}).retry_after == 7


# How errors are written.


def test_an_error_has_the_four_members_of_openai():
    status, body = OpenAIChatClient().write_error(ParseError("words", param="a.b"), RequestContext())
    assert status == 400
    assert body == {
        "error": {"message": "words", "type": "invalid_request_error", "param": "a.b", "code": "invalid_value"}
    }


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        ("invalid_json", "invalid_request_error"),
        ("invalid_api_key", "invalid_request_error"),
        ("not_found", "invalid_request_error"),
        ("rate_limit_exceeded", "rate_limit_error"),
        ("budget_exceeded", "rate_limit_error"),
        ("upstream_rate_limited", "rate_limit_error"),
        ("overloaded", "server_error"),
        ("upstream_timeout", "server_error"),
        ("internal_error", "server_error"),
    ],
)
def test_the_type_of_an_error_is_the_one_of_the_table(code, type_):
    assert OpenAIChatClient().write_error(LLMProxyError(code=code), RequestContext())[1]["error"]["type"] == type_


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_refusal_of_the_upstream_is_written_as_it_said_it(status):
    assert OpenAIChatClient().write_error(read(status, OPENAI), RequestContext()) == (status, OPENAI)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refusal_always_has_a_type(shape):
    _, body = OpenAIChatClient().write_error(read(400, SHAPES[shape]), RequestContext())
    assert body["error"]["type"] == "invalid_request_error"


# Usage.


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, Usage(3, 2)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}, Usage(3, cached=1)),
        ({"completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 1}}, Usage(None, 3, None, 1)),
        ({"prompt_tokens": 3, "prompt_tokens_details": None}, Usage(3)),
        ({"prompt_tokens": 3, "prompt_tokens_details": [1]}, Usage(3)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(0, 0)),
        ({"prompt_tokens": "3", "completion_tokens": 2}, Usage(None, 2)),
        ({"prompt_tokens": -1, "completion_tokens": 2}, Usage(None, 2)),
        ({"prompt_tokens": 10**18, "completion_tokens": 2}, Usage(None, 2)),
        ({"prompt_tokens": 1.5, "completion_tokens": True}, None),
        ({"prompt_tokens": None}, None),
        ({}, None),
        (None, None),
        ([], None),
        ("3", None),
        (3, None),
    ],
)
def test_usage_is_believed_only_where_it_makes_sense(said, usage):
    read = read_usage("openai.chat", said)
    assert (replace(read, extra={}) if read else None) == usage
