"""Section D: what is wrong with a stream, and what only looks wrong."""

import time

import pytest

from matrix.conftest import CHAT, MESSAGES, soon

MIB = 1024 * 1024
BOTH_ROADS = pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["chat", "messages"])
BOTH_FRAMINGS = pytest.mark.parametrize("unframed", [False, True], ids=["chunked", "unframed"])


def broke(answer, code):
    """Whether a stream ends with this error, after some events and without an ending of its own."""
    kinds = [data.get("type") for data in answer.data if isinstance(data, dict)]
    ended = "[DONE]" in answer.data or "message_stop" in kinds or b'"finish_reason": "stop"' in answer.body
    return (answer.status, answer.whole, ended, bool(answer.error)) == (200, True, False, True) and (
        answer.error.get("code", code) == code
    )


@BOTH_ROADS
@pytest.mark.parametrize("fault", ["reset_midway", "close_midway"])
def test_D1_a_stream_that_breaks_ends_with_an_error(row, fault, path):
    answer = row.play(fault).ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_stream_reset")
    assert answer.text == "one two"


@BOTH_ROADS
@BOTH_FRAMINGS
def test_D2_half_an_event_is_not_forwarded(row, unframed, path):
    answer = row.play("close_inside_event", unframed=unframed).ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_stream_truncated" if unframed else "upstream_stream_reset")
    assert answer.text == "one "


@BOTH_ROADS
@BOTH_FRAMINGS
def test_D3_an_end_without_a_reason_is_no_end(row, unframed, path):
    answer = row.play("no_finish", unframed=unframed).ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_stream_truncated")


@BOTH_ROADS
@BOTH_FRAMINGS
def test_D3_a_reason_without_the_last_event_is_an_end(row, unframed, path):
    answer = row.play("no_done", unframed=unframed).ask("settled", stream=True, path=path)
    assert (answer.whole, answer.error) == (True, None)
    assert answer.data[-1] == "[DONE]" if path == CHAT else answer.data[-1]["type"] == "message_stop"


@BOTH_ROADS
def test_D4_a_stream_without_a_first_event_has_a_clean_status(row, path):
    answer = row.play("stall_before_first_event").ask("unknown", stream=True, llm="hasty", path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (504, "upstream_timeout")


@BOTH_ROADS
def test_D5_a_stream_that_stalls_ends_with_an_error(row, path):
    answer = row.play("stall_midway").ask("partial", stream=True, llm="hasty", path=path)
    assert broke(answer, "upstream_stream_stalled")
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-1].left is not None)


@BOTH_ROADS
def test_D6_pings_are_no_first_event(row, path):
    answer = row.play("only_pings").ask("unknown", stream=True, llm="hasty", path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (504, "upstream_timeout")


@BOTH_ROADS
def test_D6_pings_are_no_progress(row, path):
    answer = row.play("pings_midway").ask("partial", stream=True, llm="hasty", path=path)
    assert broke(answer, "upstream_stream_stalled")
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-1].left is not None)


@BOTH_ROADS
@pytest.mark.parametrize("pause", [0.2, 0.001], ids=["drip", "endless"])
def test_D7_a_stream_without_an_end_ends_with_the_deadline(row, pause, path):
    answer = row.play("drip", pause=pause).ask("partial", stream=True, llm="hasty", path=path)
    assert broke(answer, "deadline_exceeded")
    assert answer.seconds < 5


@BOTH_ROADS
def test_D8_a_body_left_open_after_the_end_keeps_nobody(row, path):
    answer = row.play("open_after_done").ask("settled", stream=True, path=path)
    assert (answer.text, answer.seconds < 1) == ("one two", True)
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-1].left is not None)


@BOTH_ROADS
def test_D9_events_after_the_end_are_dropped(row, path):
    answer = row.play("events_after_done").ask("settled", stream=True, path=path)
    assert (answer.text, answer.data.count("[DONE]")) == ("one two", 1 if path == CHAT else 0)


def test_D9_unknown_events_pass_unchanged(row):
    answer = row.play("unknown_events").ask("settled", stream=True)
    assert b'event: mystery\ndata: {"type":"mystery","object":"mystery"}\n\n' in answer.body


def test_D9_unknown_events_mean_nothing_to_another_dialect(row):
    assert row.play("unknown_events").ask("settled", stream=True, path=MESSAGES).text == "one two"


@BOTH_ROADS
@pytest.mark.parametrize("data", ["null", "[]", "{oops", '{"choices": 5}', '{"choices": [null]}'])
def test_D9_an_event_that_makes_no_sense_ends_the_stream_with_an_error(row, data, path):
    answer = row.play("odd_event", data=data).ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_bad_response")


@BOTH_ROADS
def test_D9_events_out_of_order_are_no_fault_of_ours(row, path):
    answer = row.play("finish_first").ask("settled", stream=True, path=path)
    assert (answer.status, answer.error) == (200, None)


@BOTH_ROADS
def test_D10_an_error_as_the_first_event_has_its_own_status(row, path):
    answer = row.play("error_event_first", type="rate_limit_exceeded").ask("void", stream=True, path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (429, "upstream_rate_limited")


def test_D10_an_error_midway_is_relayed_as_it_came(row):
    answer = row.play("error_event_midway").ask("partial", stream=True)
    assert (answer.text, answer.error["message"]) == ("one two", "something is wrong")
    assert "[DONE]" not in answer.data


def test_D10_an_error_midway_is_said_in_the_clients_words(row):
    answer = row.play("error_event_midway").ask("partial", stream=True, path=MESSAGES)
    assert (answer.data[-1]["type"], answer.error["type"]) == ("error", "api_error")


FORMS = [
    "crlf_stream",
    "bare_cr_stream",
    "byte_by_byte",
    "all_at_once",
    "bom_stream",
    "comments_stream",
    "id_and_retry",
    "no_space_after_colon",
    "multi_line_data",
    "no_last_blank_line",
]


@BOTH_ROADS
@pytest.mark.parametrize("fault", FORMS)
def test_D11_every_form_of_a_stream_says_the_same(row, fault, path):
    answer = row.play(fault).ask("settled", stream=True, path=path)
    assert answer.text == "one two"
    assert answer.data[-1] == "[DONE]" if path == CHAT else answer.data[-1]["type"] == "message_stop"
    assert (answer.whole, answer.error) == (True, None)


@BOTH_ROADS
@pytest.mark.parametrize(("fault", "options"), [("giant_event", {"mb": 32}), ("endless_line", {})])
def test_D12_an_event_above_the_limit_ends_the_stream(row, fault, options, path):
    before = row.worker.memory
    answer = row.play(fault, **options).ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_bad_response")
    assert row.worker.memory - before < 64 * MIB
    assert row.upstream.wait_for(lambda upstream: upstream.requests[-1].left is not None)


@BOTH_ROADS
def test_D13_a_whole_answer_to_a_request_for_a_stream_becomes_one(row, path):
    answer = row.play("json_for_stream").ask("settled", stream=True, path=path)
    assert (answer.headers["content-type"].partition(";")[0], answer.text) == ("text/event-stream", "one two")


@BOTH_ROADS
def test_D13_a_stream_to_a_request_for_a_whole_answer_is_502(row, path):
    answer = row.play("stream_for_json").ask("unknown", path=path)
    assert (answer.status, answer.headers["x-llmproxy-error"]) == (502, "upstream_bad_response")


@BOTH_ROADS
@pytest.mark.parametrize("fault", ["sized_stream", "unframed_stream"])
def test_D14_events_leave_as_they_come_whatever_the_framing(row, fault, path):
    answer = row.play(fault, pause=0.2).ask("settled", stream=True, path=path)
    assert answer.text == "one two"
    assert answer.seconds - answer.first > 0.6


@BOTH_ROADS
def test_D15_arguments_that_are_cut_off_are_not_closed_by_us(row, path):
    answer = row.play("cut_arguments").ask("partial", stream=True, path=path)
    assert broke(answer, "upstream_stream_truncated")
    assert b'\\"Par\\"' not in answer.body


@BOTH_ROADS
def test_D16_a_stream_without_usage_is_a_stream(row, path):
    assert row.play("no_usage_stream").ask("settled", stream=True, path=path).text == "one two"
    assert row.upstream.requests[-1].json()["stream_options"] == {"include_usage": True}


@BOTH_ROADS
def test_D17_a_firehose_waits_for_a_slow_client(row, path):
    before = row.worker.memory
    connection = row.play("firehose").begin("partial", stream=True, path=path)
    response = connection.getresponse()
    for _ in range(5):
        response.read(1024)
        time.sleep(0.05)
    request = row.upstream.requests[-1]
    assert soon(lambda: stopped(request), 5)
    assert row.worker.memory - before < 64 * MIB
    response.close()
    connection.close()


def stopped(request):
    """Whether the upstream could send nothing for a moment, and yet has not ended."""
    sent = request.sent
    time.sleep(0.2)
    return sent == request.sent and request.ended is None
