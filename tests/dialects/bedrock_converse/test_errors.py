import json

import pytest

from llmproxy.dialects.bedrock_converse.errors import read_error


def error(status, kind=None, message="x", **headers):
    if kind:
        headers["x-amzn-errortype"] = kind
    return read_error(status, headers, json.dumps({"message": message}).encode())


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "ValidationException", (400, "upstream_rejected")),
        (404, "ResourceNotFoundException", (404, "upstream_rejected")),
        (403, "AccessDeniedException", (502, "upstream_auth_failed")),
        (403, "UnrecognizedClientException", (502, "upstream_auth_failed")),
        (403, "ExpiredTokenException", (502, "upstream_auth_failed")),
        (400, "IncompleteSignatureException", (502, "upstream_auth_failed")),
        (408, "ModelTimeoutException", (504, "upstream_timeout")),
        (424, "ModelErrorException", (502, "upstream_error")),
        (429, "ThrottlingException", (429, "upstream_rate_limited")),
        (429, "ModelNotReadyException", (503, "upstream_overloaded")),
        (400, "ServiceQuotaExceededException", (503, "upstream_quota_exhausted")),
        (500, "InternalServerException", (502, "upstream_error")),
        (503, "ServiceUnavailableException", (503, "upstream_overloaded")),
        (418, None, (418, "upstream_rejected")),
    ],
)
def test_an_answer_is_an_error_of_its_kind(status, kind, expected):
    found = error(status, kind)
    assert (found.status, found.code) == expected


def test_the_kind_ends_at_the_colon():
    found = error(400, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/")
    assert found.code == "upstream_rate_limited"


@pytest.mark.parametrize("said", ["ThrottlingException", "com.amazon.coral.service#ThrottlingException"])
def test_the_kind_may_stand_in_the_body(said):
    body = json.dumps({"__type": said, "Message": "slow"}).encode()
    assert read_error(400, {}, body).code == "upstream_rate_limited"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttlingException", (429, "upstream_rate_limited")),
        ("validationException", (400, "upstream_rejected")),
        ("modelStreamErrorException", (502, "upstream_error")),
        ("internalServerException", (502, "upstream_error")),
        ("serviceUnavailableException", (503, "upstream_overloaded")),
        ("somethingNewException", (502, "upstream_error")),
    ],
)
def test_a_failure_in_a_stream_of_status_200_is_an_error_of_its_kind(kind, expected):
    found = read_error(200, {}, json.dumps({"__type": kind, "message": "x"}).encode())
    assert (found.status, found.code) == expected


def test_a_model_that_is_not_there_is_not_found_though_bedrock_says_400():
    found = error(400, "ValidationException:http://x", "The provided model identifier is invalid.")
    assert (found.status, found.upstream) == (404, {"code": "model_not_found"})


@pytest.mark.parametrize(
    "message",
    [
        "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length",
        "Input is too long for requested model.",
        "prompt is too long: 250000 tokens > 200000 maximum",
    ],
)
def test_a_prompt_that_is_too_long_is_told_by_its_code(message):
    found = error(400, "ValidationException", message)
    assert (found.status, found.message, found.upstream) == (400, message, {"code": "context_length_exceeded"})


def test_what_bedrock_says_of_our_credentials_is_not_passed_on():
    found = error(403, "UnrecognizedClientException", "canary")
    assert "canary" not in f"{found.message} {found.detail} {found.upstream}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"message": 5}', b"\xff"])
def test_a_body_may_be_anything(body):
    assert read_error(503, {}, body).code == "upstream_overloaded"
