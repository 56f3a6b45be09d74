import email.utils
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.dialects.statuses import MAX_RETRY_AFTER, error_for, read_retry_after

NOW = 1_700_000_000.0


def wait(value, name="retry-after"):
    return read_retry_after({name: value}, now=lambda: NOW)


def date(seconds):
    return email.utils.formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("0.5", 0.5),
        ("60", 60),
        ("61", 60),
        ("1000000000000", 60),
        ("1e3", 60),
        (date(30), 30),
        (date(0), 0),
        (date(3600), 60),
        (date(30).replace(" GMT", " -0000"), 30),
        (date(30).replace(" GMT", ""), 30),
    ],
)
def test_a_wait_in_seconds_or_by_date_is_read(value, seconds):
    assert wait(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "-5", "NaN", "nan", "inf", "-inf", "Infinity", "soon", "7s", "1,2", "\x00", date(-1), date(-(10**8)),
        "Wed, 99 Foo 2015 07:28:00 GMT", "Wed, 21 Oct 2015", "9999-99-99", "Fri, 31 Dec 99999 23:59:59 GMT",
    ],
)  # fmt: skip
def test_a_wait_that_makes_no_sense_is_none(value):
    assert wait(value) is None


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process cannot be changed here")
def test_a_date_without_a_zone_is_not_local_time(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC+5")
        time.tzset()
        seconds = wait(date(30).replace(" GMT", ""))
    time.tzset()
    assert seconds == 30


@pytest.mark.parametrize(("value", "seconds"), [("1500", 1.5), ("0", 0), ("1e9", 60), ("-1", None), ("NaN", None)])
def test_a_wait_in_milliseconds_is_read(value, seconds):
    assert wait(value, "retry-after-ms") == seconds


def test_milliseconds_are_preferred():
    assert read_retry_after({"retry-after": "7", "retry-after-ms": "250"}) == 0.25


def test_seconds_count_where_milliseconds_make_no_sense():
    assert read_retry_after({"retry-after": "7", "retry-after-ms": "x"}) == 7


def test_without_a_header_there_is_no_wait():
    assert read_retry_after({}) is None


DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Wed", "x", ""]),
    st.integers(-5, 40),
    st.sampled_from(["Jan", "Oct", "Dec", "Foo", "13"]),
    st.integers(-10, 20000),
    st.integers(-5, 99),
    st.integers(-5, 99),
    st.integers(-5, 99),
    st.sampled_from(["GMT", "EST", "+9999", "-0000", "+99999999", "", "x"]),
)


@given(
    st.text() | st.floats().map(str) | st.integers().map(str) | DATES,
    st.sampled_from(["retry-after", "retry-after-ms"]),
)
def test_any_header_is_a_wait_of_at_most_a_minute_or_none(value, name):
    seconds = wait(value, name)
    assert seconds is None or (0 <= seconds <= MAX_RETRY_AFTER and math.isfinite(seconds))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no", "context_length_exceeded"),
        ("prompt is too long: 210000 tokens > 200000 maximum", None),
        ("Input is too long for requested model.", None),
        ("The input token count (9) exceeds the maximum number of tokens allowed (8).", "INVALID_ARGUMENT"),
        ("This model's maximum context length is 4096 tokens.", 400),
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_its_code_or_its_words(message, code):
    error = error_for(400, {}, message=message, upstream={"code": code})
    assert (error.code, error.elsewhere, error.status) == ("upstream_rejected", "longer_context", 400)


def test_any_other_refusal_would_be_the_same_elsewhere():
    assert error_for(400, {}, message="no such parameter", upstream={}).elsewhere == "no"


def test_a_request_cancelled_over_there_is_no_client_that_left():
    error = error_for(499, {}, message="cancelled", upstream={})
    assert (error.status, error.code) == (502, "upstream_error")
