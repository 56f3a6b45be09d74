from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.errors import ProviderError
from llmproxy.core.ndjson import decode
from llmproxy.core.sse import PAUSE

LINES = b'{"a":"\xc3\xbc"}\n{"b":2}\r\n\n{"c":3}\n'


def events(chunks, **arguments):
    return [event for event in decode(chunks, **arguments) if event is not PAUSE]


def test_each_line_is_an_event_with_its_bytes_and_its_json():
    found = events([LINES])
    assert b"".join(event.raw for event in found) == LINES
    assert [event.json() for event in found if event.data is not None] == [{"a": "ü"}, {"b": 2}, {"c": 3}]


def test_a_blank_line_is_relayed_and_says_nothing():
    assert [event.data is None for event in events([b"\n", b" \r\n", b"{}\n"])] == [True, True, False]


@given(st.sets(st.integers(0, len(LINES))))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts):
    places = [0, *sorted(cuts), len(LINES)]
    chunks = [LINES[start:end] for start, end in pairwise(places)]
    assert [event.raw for event in events(chunks)] == [event.raw for event in events([LINES])]


def test_there_is_a_pause_after_each_chunk_and_for_each_one_that_comes():
    assert [item is PAUSE for item in decode([b'{"a":', PAUSE, b"1}\n{}\n"])] == [True, True, False, False, True]


def test_a_last_line_without_an_end_is_not_complete_and_gets_its_end():
    first, last = events([b"{}\n{", b'"a":1}'])
    assert (first.complete, last.complete) == (True, False)
    assert (last.raw, last.json()) == (b'{"a":1}\n', {"a": 1})


def test_a_line_that_is_too_long_ends_the_stream():
    with pytest.raises(ProviderError) as caught:
        events([b"{}\n", b"x" * 6, b"x" * 6], limit=10)
    assert caught.value.code == "upstream_bad_response"


def test_the_limit_is_that_of_a_line_and_not_of_the_stream():
    assert len(events([b"x" * 6 + b"\n", b"x" * 6, b"\n"], limit=10)) == 2
