"""Section C: what is wrong with a whole answer."""

import pytest

from matrix.conftest import MESSAGES, is_error

MIB = 1024 * 1024
UNUSABLE = ["html_answer", "empty_answer", "no_json_answer", "null_answer", "array_answer", "text_answer"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES], ids=["chat", "messages"])
@pytest.mark.parametrize("fault", [*UNUSABLE, "object_answer", "two_values"])
def test_C1_a_200_without_an_answer_is_502(row, fault, path):
    answer = row.play(fault).ask("unknown", path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (502, "upstream_bad_response")
    assert len(answer.body) < 400


@pytest.mark.parametrize(
    ("type", "status", "outcome"),
    [
        ("rate_limit_exceeded", 429, "void"),
        ("overloaded_error", 503, "void"),
        ("server_error", 502, "unknown"),
    ],
)
def test_C2_an_error_in_a_200_has_the_status_of_its_type(row, type, status, outcome):
    assert row.play("error_in_200", type=type).ask(outcome).status == status


@pytest.mark.parametrize("type", ["text/plain", "", "application/octet-stream", "application/json; charset=utf-8"])
def test_C3_the_right_answer_counts_more_than_its_content_type(row, type):
    answer = row.play("other_content_type", type=type).ask("settled")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")


def test_C3_html_is_never_an_answer(row):
    assert row.play("other_content_type", type="text/html").ask("unknown").status == 502


@pytest.mark.parametrize("fault", ["cut_length", "cut_chunk", "no_last_chunk"])
def test_C4_an_answer_that_is_cut_off_is_no_success(row, fault):
    assert is_error(row.play(fault).ask("unknown"), 502, "upstream_truncated")


@pytest.mark.parametrize("fault", ["two_lengths", "length_and_chunked", "negative_length"])
def test_C5_contradictory_framing_is_502(row, fault):
    answer = row.play(fault).ask("unknown")
    assert is_error(answer, 502, "upstream_bad_response")


@pytest.mark.parametrize("size", ["xyz", "-5", "", "0x5", "5_0"])
def test_C5_a_chunk_size_that_is_none_is_502(row, size):
    assert row.play("bad_chunk_size", size=size).ask("unknown").status == 502


@pytest.mark.parametrize("fault", ["gzip_unasked", "gzip_twice", "gzip_lie", "gzip_cut", "many_codings"])
def test_C6_a_coding_that_nobody_asked_for_is_502(row, fault):
    answer = row.play(fault).ask("unknown")
    assert is_error(answer, 502, "upstream_bad_response")
    assert row.upstream.requests[-1].headers["accept-encoding"] == "identity"


def test_C6_a_bomb_is_not_unpacked(row):
    before = row.worker.memory
    assert row.play("gzip_bomb").ask("unknown").status == 502
    assert row.worker.memory - before < 32 * MIB


def test_C7_an_answer_above_the_limit_is_502(row):
    before = row.worker.memory
    assert is_error(row.play("big_answer").ask("unknown"), 502, "upstream_bad_response")
    assert row.worker.memory - before < 100 * MIB


def test_C7_a_large_answer_below_the_limit_arrives(row):
    assert len(row.play("big_answer", mb=8).ask("settled").body) > 8 * MIB


def test_C8_a_body_that_trickles_ends_with_the_deadline_of_the_whole_attempt(row):
    answer = row.play("slow_body").ask("unknown", llm="hasty")
    assert answer.status == 504
    assert answer.seconds < 5


@pytest.mark.parametrize("fault", ["utf16", "bom", "bad_utf8", "nan", "huge_int", "deep_nesting"])
def test_C9_what_is_no_strict_json_is_502(row, fault):
    assert is_error(row.play(fault).ask("unknown"), 502, "upstream_bad_response")
    assert b"Traceback" not in row.worker.logged(0)


def test_C9_a_key_that_comes_twice_passes_as_it_came(row):
    assert b'"id": "a", "id": "b"' in row.play("duplicate_keys").ask("settled").body


@pytest.mark.parametrize("path", ["/v1/chat/completions", MESSAGES], ids=["chat", "messages"])
def test_C9_half_a_surrogate_arrives_as_an_escape(row, path):
    answer = row.play("lone_surrogate").ask("settled", path=path)
    assert (answer.status, b"a\\ud800b" in answer.body) == (200, True)


@pytest.mark.parametrize("value", [None, "many", -5, 10**18])
def test_C10_odd_usage_does_not_spoil_the_answer(row, value):
    answer = row.play("odd_usage", value=value).ask("settled")
    assert answer.json()["choices"][0]["message"]["content"] == "one two"


def test_C10_an_answer_without_usage_is_an_answer(row):
    assert row.play("no_usage").ask("settled").status == 200


FOREIGN = {"x-hop", "set-cookie", "access-control-allow-origin", "openai-organization", "keep-alive"}


def test_C11_only_what_concerns_the_client_passes_of_the_headers(row):
    headers = row.play("foreign_headers").ask("settled").headers
    assert not FOREIGN & headers.keys()
    assert "upstream" not in headers["server"]
    assert headers["x-request-id"] != "req-of-upstream"
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert headers["anthropic-ratelimit-requests-remaining"] == "58"


def test_C11_cookies_are_not_kept(row):
    row.play("foreign_headers")
    for _ in range(2):
        row.ask("settled")
    assert ["cookie" in request.headers for request in row.upstream.requests[-2:]] == [False, False]
