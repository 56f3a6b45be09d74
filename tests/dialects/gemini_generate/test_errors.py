import json

import pytest

from llmproxy.core.errors import ModelNotFound, ProviderRejected, ProviderTimeout, RateLimited, UnsupportedMedia
from llmproxy.dialects.gemini_generate.errors import read_error, write_error

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def error(status, name="UNKNOWN", message="words", details=(), http=None, **headers):
    body = json.dumps({"error": {"code": status, "message": message, "status": name, "details": list(details)}})
    return read_error(http or status, headers, body.encode())


@pytest.mark.parametrize(
    ("status", "name", "code", "ours"),
    [
        (400, "INVALID_ARGUMENT", "upstream_rejected", 400),
        (400, "FAILED_PRECONDITION", "upstream_rejected", 400),
        (401, "UNAUTHENTICATED", "upstream_auth_failed", 502),
        (403, "PERMISSION_DENIED", "upstream_auth_failed", 502),
        (404, "NOT_FOUND", "upstream_rejected", 404),
        (429, "RESOURCE_EXHAUSTED", "upstream_rate_limited", 429),
        (499, "CANCELLED", "upstream_error", 502),
        (500, "INTERNAL", "upstream_error", 502),
        (503, "UNAVAILABLE", "upstream_overloaded", 503),
        (504, "DEADLINE_EXCEEDED", "upstream_timeout", 504),
    ],
)
def test_a_status_means_what_it_means_everywhere(status, name, code, ours):
    read = error(status, name)
    assert (read.code, read.status) == (code, ours)


def test_a_bad_key_comes_as_400_and_is_the_operator_s_fault():
    read = error(400, "INVALID_ARGUMENT", "API key not valid.", [BAD_KEY])
    assert (read.code, read.status) == ("upstream_auth_failed", 502)
    assert "API key" not in read.message


def test_how_long_to_wait_stands_in_the_body():
    assert error(429, "RESOURCE_EXHAUSTED", details=[RETRY]).retry_after == 34.4
    assert error(503, "UNAVAILABLE", details=[{**RETRY, "retryDelay": "48s"}]).retry_after == 48
    assert error(429, details=[{"retryDelay": "soon"}]).retry_after is None


def test_a_header_wins_over_the_body():
    assert error(429, details=[RETRY], **{"retry-after": "5"}).retry_after == 5


def test_an_error_in_a_list_is_one_too():
    body = b'[{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}]'
    read = read_error(400, {}, body)
    assert (read.message, read.upstream) == ("no", {"code": "INVALID_ARGUMENT"})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"detail": 1}'])
def test_a_body_that_is_none_of_google_s_is_taken_too(body):
    assert read_error(400, {}, body).code == "upstream_rejected"
    assert read_error(500, {}, body).code == "upstream_error"


@pytest.mark.parametrize(
    ("code", "expected"), [(503, "upstream_overloaded"), (429, "upstream_rate_limited"), (400, "upstream_error")]
)
def test_an_error_within_a_stream_has_its_status_in_its_frame(code, expected):
    read = error(code, http=200, message="with the prompt in it")
    assert read.code == expected
    assert "prompt" not in read.message


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (ModelNotFound(), 404, "NOT_FOUND"),
        (RateLimited(), 429, "RESOURCE_EXHAUSTED"),
        (UnsupportedMedia(), 415, "INVALID_ARGUMENT"),
        (ProviderTimeout(), 504, "DEADLINE_EXCEEDED"),
        (ProviderRejected("no", status=400, upstream={"code": "FAILED_PRECONDITION"}), 400, "FAILED_PRECONDITION"),
        (ProviderRejected("no", status=400, upstream={"code": "context_length_exceeded"}), 400, "INVALID_ARGUMENT"),
    ],
)
def test_clients_get_google_s_shape_and_name(error, status, name):
    assert write_error(error) == (status, {"error": {"code": status, "message": error.message, "status": name}})
