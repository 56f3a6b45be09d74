import json

import pytest

from llmproxy.core.errors import ProviderError, ProviderRateLimited, ProviderRejected, ProviderUnavailable
from llmproxy.dialects.cohere_chat import CohereChatProvider


def read(status, message="Bad.", headers=None, **members):
    body = json.dumps({"id": "x", "message": message, **members}).encode()
    return CohereChatProvider().read_error(status, headers or {}, body)


@pytest.mark.parametrize("status", [400, 404, 422, 498])
def test_a_request_that_cohere_refuses_keeps_its_status_and_words(status):
    error = read(status)
    assert isinstance(error, ProviderRejected)
    assert (error.status, error.message) == (status, "Bad.")


def test_the_type_that_some_errors_have_is_passed_on():
    assert read(400, error_type="invalid_request").upstream == {"type": "invalid_request"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_bad_key_is_not_the_clients(status):
    error = read(status, "Incorrect API key provided")
    assert (error.code, error.status) == ("upstream_auth_failed", 502)
    assert "Incorrect" not in error.message


def test_a_rate_limit_says_how_long():
    error = read(429, headers={"retry-after": "7"})
    assert isinstance(error, ProviderRateLimited)
    assert error.retry_after == 7


def test_a_request_cancelled_over_there_is_no_client_that_left():
    error = read(499)
    assert type(error) is ProviderError
    assert error.status == 502


def test_a_failure_of_theirs_is_theirs():
    assert read(500).status == 502
    assert isinstance(read(503), ProviderUnavailable)


@pytest.mark.parametrize(
    "message",
    [
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
        "too many tokens: size limit exceeded by 11326 tokens.",
    ],
)
def test_a_prompt_that_is_too_long_has_the_code_that_clients_know(message):
    assert read(400, message).upstream == {"code": "context_length_exceeded"}


def test_a_limit_that_is_too_large_is_no_prompt_that_is_too_long():
    assert read(400, "too many tokens: max tokens must be less than or equal to 4096").upstream == {}


def test_a_model_that_is_not_there_has_the_code_that_clients_know():
    assert read(404, "model 'x' not found, make sure the correct model ID was used").upstream == {
        "code": "model_not_found"
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b'{"message": {}}', b'{"message": null}'])
def test_a_body_of_another_kind_is_no_reason_to_fail(body):
    assert CohereChatProvider().read_error(400, {}, body).status == 400


def test_an_error_within_a_stream_is_an_upstreams_failure():
    event = b'{"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "the model broke"}}'
    assert CohereChatProvider().read_error(200, {}, event).code == "upstream_error"
