"""Section A: what goes wrong before any byte of the answer."""

import threading
import time

import pytest

from matrix.conftest import PROVIDER_TOKEN, is_error

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@BOTH
def test_A1_a_refused_connection_is_502_and_safe_to_retry(row, stream):
    row.attempts = 0
    assert is_error(row.play("refuse").ask("void", stream), 502, "upstream_unavailable", "true")


def test_A2_an_unknown_host_fails_fast_and_is_not_named(row):
    row.attempts = 0
    answer = row.ask("void", llm="nowhere")
    assert answer.status in (502, 504)
    assert (answer.headers["x-should-retry"], b"invalid" in answer.body) == ("true", False)
    assert answer.seconds < 5


@pytest.mark.parametrize("name", ["self_signed", "wrong_host"])
def test_A4_a_certificate_that_proves_nothing_gets_no_token(row, encrypted, name):
    row.attempts = 0
    assert is_error(row.ask("void", llm=name), 502, "upstream_unavailable", "true")
    assert (encrypted[name].requests, encrypted[name].failed_handshakes > 0) == ([], True)


@pytest.mark.parametrize("fault", ["tls_garbage", "tls_alert"])
def test_A4_what_is_not_tls_gets_no_token(row, encrypted, fault):
    row.attempts = 0
    encrypted["good"].play(fault)
    assert is_error(row.ask("void", llm="good"), 502, "upstream_unavailable", "true")
    assert encrypted["good"].requests == []


def test_A4_a_certificate_that_proves_the_host_gets_the_token(row, encrypted):
    row.attempts = 0  # of the plain one
    encrypted["good"].play("ok")
    assert row.ask("settled", llm="good").status == 200
    assert encrypted["good"].requests.pop().headers["authorization"] == f"Bearer {PROVIDER_TOKEN}"


def test_A5_a_handshake_that_hangs_ends_with_the_connect_timeout(row, encrypted):
    row.attempts = 0
    encrypted["good"].play("tls_hangs")
    answer = row.ask("void", llm="good")
    assert is_error(answer, 504, "upstream_timeout", "true")
    assert answer.seconds < 5


def test_A6_a_connection_that_nobody_takes_ends_with_the_connect_timeout(row):
    row.attempts = 0
    answer = row.play("full_backlog").ask("void")
    assert is_error(answer, 504, "upstream_timeout", "true")
    assert answer.seconds < 5


@BOTH
@pytest.mark.parametrize("fault", ["close_before_answer", "reset_before_answer"])
def test_A7_a_request_that_was_sent_is_not_sent_again(row, fault, stream):
    assert is_error(row.play(fault).ask("unknown", stream), 502, "upstream_reset")


def test_A8_a_connection_that_was_closed_while_idle_is_not_used_again(row):
    row.play("close_when_idle")
    for _ in range(3):
        assert row.ask("settled").status == 200
        assert row.upstream.wait_for(lambda upstream: upstream.open_connections == 0)


def test_A8_a_request_dropped_on_a_reused_connection_is_not_sent_again(row):
    row.play("stale_keepalive")
    assert row.ask("settled").status == 200
    assert is_error(row.ask("unknown"), 502, "upstream_reset")


@BOTH
@pytest.mark.parametrize("fault", ["slow_headers", "header_dribble", "endless_1xx"])
def test_A9_A10_a_head_that_does_not_come_ends_with_the_deadline(row, fault, stream):
    answer = row.play(fault).ask("unknown", stream, llm="hasty")
    assert is_error(answer, 504, "upstream_timeout")
    assert answer.seconds < 5
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-1].left is not None, 1)


def test_A11_early_hints_are_not_the_answer_to_anything(row):
    row.play("early_hints").upstream.then("ok")
    assert is_error(row.ask("unknown"), 502, "upstream_bad_response")
    assert row.ask("settled").json()["choices"][0]["message"]["content"] == "one two"


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_A12_bytes_after_an_answer_reach_nobody(row, seconds):
    row.play("extra_bytes_after_answer", seconds=seconds).upstream.then("ok")
    assert row.ask("settled").status == 200
    time.sleep(2 * seconds)
    assert b"somebody else" not in row.ask("settled").body
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-2].left is not None)
    assert row.upstream.requests[-1].left is None


HEADS = ["bad_status_line", "http09", "cut_headers", "no_colon_header", "huge_header", "many_headers", "status_999"]


@BOTH
@pytest.mark.parametrize("fault", HEADS)
def test_A13_a_malformed_head_is_502(row, fault, stream):
    assert is_error(row.play(fault).ask("unknown", stream), 502, "upstream_bad_response")


def test_A14_an_upstream_that_does_not_read_ends_with_the_deadline(row):
    answer = row.play("never_reads", seconds=1).ask("unknown", llm="hasty", prompt="canary-prompt" * 1_500_000)
    assert is_error(answer, 504, "upstream_timeout")
    assert answer.seconds < 5


def test_A15_an_early_413_is_passed_on_in_our_own_words(row):
    answer = row.play("early_413").ask("void", prompt="canary-prompt" * 500_000)
    assert (answer.status, answer.headers["x-should-retry"]) == (413, "false")
    assert b"too large" not in answer.body


def test_A15_a_small_request_gets_the_413_of_a_large_one(row):
    assert row.play("early_413").ask("void").status == 413


def test_requests_at_the_same_time_do_not_mix(row):
    """The invariants hold where several rows happen at once, too."""
    row.play("slow_headers", seconds=0.2)
    threads = [threading.Thread(target=row.ask, args=("settled",), kwargs={"llm": "patient"}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row.asked == 4
