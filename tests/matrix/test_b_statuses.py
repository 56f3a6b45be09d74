"""Section B: what an upstream's status means to the client."""

import pytest

from llmproxy.testing import FaultUpstream
from llmproxy.testing.faults.statuses import BAD_RETRY_AFTERS
from matrix.conftest import MESSAGES, PROVIDER_TOKEN, is_error

BODIES = ["error", "html", "empty", "cut", "array", "large"]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_B1_an_invalid_request_is_the_clients_to_put_right(row, status):
    answer = row.play("status", code=status, type="invalid_request_error", message="no such thing").ask("void")
    assert is_error(answer, status, "invalid_request_error")
    assert answer.json()["error"]["message"] == "no such thing"


def test_B1_a_prompt_that_is_too_long_keeps_its_code(row):
    assert is_error(row.play("context_too_long").ask("void"), 400, "context_length_exceeded")


def test_B1_neither_token_nor_host_passes_with_the_providers_words(row):
    message = f"bad request to http://127.0.0.1:{row.upstream.port}/v1 with {PROVIDER_TOKEN}"
    answer = row.play("status", code=400, message=message).ask("void")
    assert "127.0.0.1" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("code", [401, 403])
def test_B2_a_token_of_ours_that_is_refused_is_not_the_clients_fault(row, code):
    answer = row.play("refuse_token", code=code).ask("void")
    assert is_error(answer, 502, "upstream_auth_failed")
    assert "www-authenticate" not in answer.headers


def test_B3_a_timeout_of_the_providers_is_a_timeout(row):
    assert is_error(row.play("status", code=408).ask("unknown"), 504, "upstream_timeout")


def test_B3_a_conflict_is_passed_on(row):
    assert row.play("status", code=409, message="a conflict").ask("void").status == 409


@pytest.mark.parametrize("value", BAD_RETRY_AFTERS)
def test_B5_a_retry_after_that_makes_no_sense_counts_as_none(row, value):
    answer = row.play("rate_limited", retry_after=value).ask("void")
    assert is_error(answer, 429, "upstream_rate_limited", "true")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(("value", "expected"), [("1000000000000", "60"), ("2.5", "3")])
def test_B5_a_retry_after_is_rounded_up_and_capped(row, value, expected):
    assert row.play("rate_limited", retry_after=value).ask("void").headers["retry-after"] == expected


def test_B6_an_empty_account_is_no_reason_to_try_again(row):
    assert is_error(row.play("quota_exhausted").ask("void"), 503, "upstream_quota_exhausted")


def test_B7_a_500_is_not_tried_again(row):
    assert is_error(row.play("status:500").ask("unknown"), 502, "upstream_error")


def test_B8_a_502_from_the_edge_is_not_tried_again(row):
    assert is_error(row.play("status", code=502, body="html").ask("unknown"), 502, "upstream_error")


def test_B8_a_504_from_the_edge_is_a_timeout(row):
    assert is_error(row.play("status", code=504, body="html").ask("unknown"), 504, "upstream_timeout")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("body", BODIES)
def test_B10_an_error_has_our_own_envelope_whatever_its_body(row, body, stream):
    answer = row.play("status", code=500, body=body).ask("unknown", stream)
    assert is_error(answer, 502, "upstream_error")
    assert len(answer.body) < 1000


def test_B10_an_error_has_the_shape_of_the_clients_dialect(row):
    answer = row.play("status", code=500, body="html").ask("unknown", path=MESSAGES)
    assert (answer.status, answer.json()["type"], answer.json()["error"]["type"]) == (502, "error", "api_error")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_B11_a_redirect_is_not_followed(row, code):
    with FaultUpstream() as elsewhere:
        answer = row.play("redirect", to=elsewhere.url, code=code).ask("void")
        assert (elsewhere.connections, "location" in answer.headers) == (0, False)
    assert is_error(answer, 502, "upstream_redirect")


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/", "file:///etc/passwd", "http://user:secret@host/", "//", "/v1/chat/completions"],
)
def test_B11_no_target_makes_a_redirect_worth_following(row, target):
    answer = row.play("redirect", to=target).ask("void")
    assert is_error(answer, 502, "upstream_redirect")


@pytest.mark.parametrize("fault", ["no_content", "not_modified"])
def test_B12_a_status_without_an_answer_is_no_answer(row, fault):
    assert is_error(row.play(fault).ask("unknown"), 502, "upstream_bad_response")
