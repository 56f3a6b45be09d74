"""Section B: what an upstream's status means to the client."""

import email.utils
import time

import pytest

from llmproxy.testing import FaultUpstream
from llmproxy.testing.faults.statuses import BAD_RETRY_AFTERS
from matrix.conftest import CHAT, MESSAGES, PROVIDER_TOKEN, SECOND_TOKEN, is_error

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


@pytest.mark.parametrize("form", ["seconds", "milliseconds", "date"])
def test_B4_a_limit_is_told_and_nothing_is_sent_until_it_is_over(row, form):
    said = {
        "seconds": {"retry_after": "2"},
        "milliseconds": {"retry_after_ms": "2000"},
        "date": {"retry_after": email.utils.formatdate(time.time() + 3, usegmt=True)},
    }
    answer = row.play("status", code=429, type="rate_limit_exceeded", **said[form]).ask("void")
    assert is_error(answer, 429, "upstream_rate_limited", "true")
    again = row.ask("void")
    assert is_error(again, 429, "upstream_rate_limited", "true")
    assert (again.headers["x-llmproxy-attempts"], again.headers["retry-after"] in ("1", "2", "3")) == ("0", True)
    row.attempts = 2
    time.sleep(int(answer.headers["retry-after"]) + 0.1)
    assert row.play("ok").ask("settled").status == 200


def test_B4_another_token_has_its_turn(row):
    row.attempts = 2
    answer = row.play("rate_limited").then("ok").ask("settled", llm="pair")
    assert (answer.status, answer.headers["x-llmproxy-attempts"]) == (200, "2")
    first, second = (request.headers["authorization"] for request in row.upstream.requests[-2:])
    assert {first, second} == {f"Bearer {PROVIDER_TOKEN}", f"Bearer {SECOND_TOKEN}"}


def test_B4_with_every_token_at_its_limit_nothing_is_sent(row):
    row.attempts = 2
    answer = row.play("rate_limited").ask("void", llm="pair")
    assert (answer.status, answer.headers["x-llmproxy-attempts"]) == (429, "2")
    assert row.ask("void", llm="pair").headers["x-llmproxy-attempts"] == "0"


def test_B4_another_target_answers(row, spare):
    row.attempts = 1
    spare.play("ok")
    row.play("rate_limited")
    answers = [row.ask("settled", model="either_limited") for _ in range(2)]
    assert [(each.status, each.headers["x-llmproxy-llm"]) for each in answers] == [(200, "spare")] * 2
    assert [each.headers["x-llmproxy-attempts"] for each in answers] == ["2", "1"]


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


@pytest.mark.parametrize("code", [503, 529])
def test_B9_what_was_refused_once_is_tried_once_more(row, code):
    row.attempts = 2
    answer = row.play("overloaded", code=code).then("ok").ask("settled", llm="patient")
    assert (answer.status, answer.headers["x-llmproxy-attempts"]) == (200, "2")


@pytest.mark.parametrize(("path", "status"), [(CHAT, 503), (MESSAGES, 529)])
def test_B9_what_is_refused_twice_is_the_clients_to_repeat(row, path, status):
    row.attempts = 2
    answer = row.play("overloaded").ask("void", llm="patient", path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (status, "upstream_overloaded")
    assert (answer.headers["x-should-retry"], int(answer.headers["retry-after"]) >= 1) == ("true", True)
    assert path == CHAT or answer.json()["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize(("wanted", "attempts"), [("1", 2), ("30", 1)])
def test_B9_a_thread_waits_as_long_as_it_was_asked_to_or_not_at_all(row, wanted, attempts):
    row.attempts = attempts
    answer = row.play("overloaded", retry_after=wanted).then("ok").ask(
        "settled" if attempts == 2 else "void", llm="patient"
    )
    assert answer.status == (200 if attempts == 2 else 503)
    assert (1 <= answer.seconds < 5) if attempts == 2 else (answer.headers["retry-after"] == wanted)


def test_B9_the_budget_of_retries_is_never_exceeded(row):
    row.play("overloaded")
    before, asked = len(row.upstream.requests), 16
    for number in range(asked):  # a model of its own for each: the breaker is one model's own, the budget the llm's
        row.ask("void", llm="tired", model=f"tired/{row.model}-{number}")
    row.attempts = len(row.upstream.requests) - before
    earned, one_in_ten_seconds = 10 + asked // 10, 1
    assert asked + 5 < row.attempts <= asked + earned + one_in_ten_seconds < 2 * asked


def test_B9_another_target_answers(row, spare):
    row.attempts = 1
    spare.play("ok")
    answer = row.play("overloaded").ask("settled", model="either_overloaded")
    assert (answer.status, answer.headers["x-llmproxy-llm"]) == (200, "spare")
    assert answer.headers["x-llmproxy-attempts"] == "2"


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
