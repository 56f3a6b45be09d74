import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import CODES, LLMProxyError, ProviderRejected
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

# RELIABILITY, "one table of codes".
TYPES = {
    "invalid_api_key": (401, "authentication_error"),
    "permission_denied": (403, "permission_error"),
    "model_not_found": (404, "not_found_error"),
    "not_found": (404, "not_found_error"),
    "invalid_json": (400, "invalid_request_error"),
    "unsupported_media_type": (415, "invalid_request_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "request_too_large": (413, "request_too_large"),
    "rate_limit_exceeded": (429, "rate_limit_error"),
    "budget_exceeded": (429, "rate_limit_error"),
    "overloaded": (529, "overloaded_error"),
    "server_shutdown": (529, "overloaded_error"),
    "upstream_overloaded": (529, "overloaded_error"),
    "upstream_circuit_open": (503, "overloaded_error"),
    "ledger_unavailable": (503, "api_error"),
    "upstream_quota_exhausted": (503, "api_error"),
    "llm_not_configured": (503, "api_error"),
    "upstream_unavailable": (502, "api_error"),
    "upstream_auth_failed": (502, "api_error"),
    "upstream_rate_limited": (429, "rate_limit_error"),
    "upstream_timeout": (504, "timeout_error"),
    "unsupported_feature": (400, "invalid_request_error"),
    "internal_error": (500, "api_error"),
}


def write(error):
    return AnthropicMessagesClient().write_error(error, RequestContext(id="r1"))


def read(status, kind=None, message="It failed.", headers=None):
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return AnthropicMessagesProvider().read_error(status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(("code", "said"), TYPES.items())
def test_a_code_has_the_status_and_the_type_of_the_table(code, said):
    status, body = write(LLMProxyError(code=code))
    assert (status, body["error"]["type"]) == said


def test_an_error_has_the_shape_that_the_sdk_reads():
    _, body = write(LLMProxyError(code="overloaded"))
    message = CODES["overloaded"].message
    assert body == {"type": "error", "error": {"type": "overloaded_error", "message": message}, "request_id": "r1"}


@pytest.mark.parametrize(
    ("status", "own", "type"),
    [
        (400, "invalid_request_error", "invalid_request_error"),
        (404, "invalid_request_error", "not_found_error"),  # OpenAI's word for it
        (422, "billing_error", "billing_error"),
        (422, "odd", "invalid_request_error"),
        (422, None, "invalid_request_error"),
    ],
)
def test_a_type_of_the_upstreams_counts_where_the_status_has_none(status, own, type):
    _, body = write(ProviderRejected("No.", status=status, upstream={"type": own, "code": "x"}))
    assert body["error"] == {"type": type, "message": "No."}


def test_an_error_in_a_stream_is_an_event_of_its_own_and_no_ending_follows():
    events = list(AnthropicMessagesClient().error_events(LLMProxyError(code="overloaded"), RequestContext()))
    assert [event.type for event in events] == ["error"]
    assert events[0].json()["type"] == "error"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", "upstream_rejected"),
        (401, "authentication_error", "upstream_auth_failed"),
        (402, "billing_error", "upstream_quota_exhausted"),
        (403, "permission_error", "upstream_auth_failed"),
        (404, "not_found_error", "upstream_rejected"),
        (413, "request_too_large", "upstream_rejected"),
        (429, "rate_limit_error", "upstream_rate_limited"),
        (500, "api_error", "upstream_error"),
        (504, "timeout_error", "upstream_timeout"),
        (529, "overloaded_error", "upstream_overloaded"),
        (200, "overloaded_error", "upstream_overloaded"),
        (200, "rate_limit_error", "upstream_rate_limited"),
        (200, "billing_error", "upstream_quota_exhausted"),
        (200, "api_error", "upstream_error"),
    ],
)
def test_an_error_of_the_upstreams_is_known_by_its_status_and_in_a_stream_by_its_type(status, kind, code):
    assert read(status, kind).code == code


def test_a_prompt_that_is_too_long_is_told_in_the_upstreams_own_words():
    error = read(400, "invalid_request_error", "prompt is too long: 3 tokens > 2 maximum")
    assert (error.status, error.message) == (400, "prompt is too long: 3 tokens > 2 maximum")


def test_the_wait_of_a_rate_limit_is_passed_on():
    assert read(429, "rate_limit_error", headers={"retry-after": "7"}).retry_after == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"text"}', b'{"detail":"x"}', b'{"message":"x"}'])
def test_an_error_may_be_anything(body):
    assert AnthropicMessagesProvider().read_error(500, {}, body).code == "upstream_error"
