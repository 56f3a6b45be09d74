"""The decoder and its events, by the rules of https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import MAX_EVENT_BYTES, PAUSE, Event, decode, loads

sseclient = pytest.importorskip("sseclient", reason="sseclient-py is not installed")


def events_of(*chunks):
    return [item for item in decode(chunks) if item is not PAUSE]


def said_by(*chunks):
    """What a reader by the standard gets, and the fields of blocks that are no event of their own."""
    fields = [(event.type, event.data, event.id, event.retry) for event in events_of(*chunks)]
    return [said for said in fields if said != ("message", None, None, None)]


def data_of(*chunks):
    return [event.data for event in events_of(*chunks) if event.data is not None]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood(end):
    stream = f"event: a{end}data: 1{end}{end}data: 2{end}{end}".encode()
    assert said_by(stream) == [("a", b"1", None, None), ("message", b"2", None, None)]


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\r", b"\r\n\r\n", b"\r\n\n", b"\n\r\n", b"\n\r", b"\r\n\r", b"\r\r\n"])
def test_a_blank_line_may_mix_line_ends(blank):
    assert data_of(b"data: 1" + blank + b"data: 2\n\n") == [b"1", b"2"]


def test_a_single_crlf_is_no_blank_line():
    assert data_of(b"data: 1\r\ndata: 2\r\n\r\n") == [b"1\n2"]


@pytest.mark.parametrize("cut", range(len(b"data: 1\r\n\r\ndata: 2\r\n\r\n") + 1))
def test_a_crlf_may_be_cut_in_two(cut):
    stream = b"data: 1\r\n\r\ndata: 2\r\n\r\n"
    assert data_of(stream[:cut], stream[cut:]) == [b"1", b"2"]


def test_the_separators_of_other_worlds_end_no_line():
    text = "a\u2028b\u0085c\x0bd\x0ce"
    assert data_of(f"data: {text}\n\n".encode()) == [text.encode()]


@pytest.mark.parametrize("chunks", [(b"\xef\xbb\xbfdata: 1\n\n",), (b"\xef", b"\xbb", b"\xbfdata: 1\n\n")])
def test_a_byte_order_mark_is_skipped_however_it_is_cut(chunks):
    assert data_of(*chunks) == [b"1"]


def test_a_byte_order_mark_is_relayed_with_its_event():
    assert events_of(b"\xef\xbb\xbfdata: 1\n\n")[0].raw == b"\xef\xbb\xbfdata: 1\n\n"


def test_only_the_first_event_may_have_a_byte_order_mark():
    assert data_of(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [b"1"]


def test_a_byte_order_mark_before_an_unfinished_event_is_skipped():
    assert data_of(b"\xef\xbb\xbfdata: 1") == [b"1"]


def test_a_comment_is_relayed_and_has_no_data():
    (event,) = events_of(b": ping\n\n")
    assert (event.raw, event.data, event.type) == (b": ping\n\n", None, "message")


def test_a_comment_within_an_event_is_not_read():
    assert data_of(b": data: 0\ndata: 1\n:\n\n") == [b"1"]


def test_data_lines_are_joined_by_a_line_feed():
    assert data_of(b"data: 1\ndata:\ndata: 3\n\n") == [b"1\n\n3"]


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"data:1", b"1"),
        (b"data: 1", b"1"),
        (b"data:  1", b" 1"),
        (b"data: a: b", b"a: b"),
        (b"data", b""),
        (b"data:", b""),
    ],
)
def test_one_space_after_the_colon_belongs_to_the_field(line, data):
    assert data_of(line + b"\n\n") == [data]


@pytest.mark.parametrize("name", [b"Data", b" data", b"data ", b"dat", b"data\x00"])
def test_field_names_are_taken_literally(name):
    assert data_of(name + b": 1\n\n") == []


def test_the_last_event_field_counts():
    assert said_by(b"event: a\nevent: b\ndata: 1\n\n") == [("b", b"1", None, None)]


def test_an_empty_event_field_means_message():
    assert said_by(b"event: a\nevent:\ndata: 1\n\n") == [("message", b"1", None, None)]


@pytest.mark.parametrize("type", ["ping", "", " ping", "пинг", ":"])
def test_a_type_before_one_line_of_data_is_read_as_anywhere(type):
    quick, slow = f"event: {type}\ndata: 1\n\n", f": comment\nevent: {type}\ndata: 1\n\n"
    assert said_by(quick.encode()) == said_by(slow.encode())


def test_id_and_retry_are_read():
    assert said_by(b"id: 7\nretry: 250\ndata: 1\n\n") == [("message", b"1", "7", 250)]


def test_an_id_with_a_nul_is_ignored():
    assert events_of(b"id: 7\x00\ndata: 1\n\n")[0].id is None


@pytest.mark.parametrize("value", [b"-1", b"1.5", b"x", b"", "\u0663".encode(), b"9" * 5000])
def test_a_retry_that_makes_no_sense_is_ignored(value):
    assert events_of(b"retry: " + value + b"\ndata: 1\n\n")[0].retry is None


def test_what_is_left_at_the_end_is_an_unfinished_event():
    done, left = events_of(b"data: 1\n\ndata: 2")
    assert (done.complete, left.complete, left.data) == (True, False, b"2")


@pytest.mark.parametrize("left", [b"data: 1", b"data: 1\n", b"data: 1\r\n", b"data: 1\r"])
def test_an_unfinished_event_is_given_the_blank_line_it_lacks(left):
    (event,) = events_of(left)
    assert [event.data for event in events_of(event.raw + b"data: 2\n\n")] == [b"1", b"2"]


def test_nothing_is_left_after_a_blank_line():
    assert [event.complete for event in events_of(b"data: 1\n\n")] == [True]


def test_an_empty_stream_has_no_events():
    assert list(decode([])) == []


def test_utf8_may_be_cut_within_a_character():
    stream = "data: €😀\n\n".encode()
    assert data_of(*(bytes([byte]) for byte in stream)) == ["€😀".encode()]


def test_bytes_that_are_not_utf8_pass_unread():
    assert data_of(b"data: \xff\xfe\n\n") == [b"\xff\xfe"]


def test_a_pause_follows_each_chunk():
    kinds = [item is PAUSE for item in decode([b"data: 1\n\ndata: 2\n\n", b"dat", b"a: 3\n\n"])]
    assert kinds == [False, False, True, True, False, True]


def test_a_pause_in_the_source_is_handed_on():
    assert list(decode([PAUSE, PAUSE])) == [PAUSE, PAUSE]


def test_an_event_comes_out_before_the_next_chunk_is_asked_for():
    asked = []

    def chunks():
        for number in range(3):
            asked.append(number)
            yield b"data: x\n\n"

    events = decode(chunks())
    next(events)
    assert asked == [0]


def test_one_line_without_an_end_is_refused_beyond_the_limit():
    piece = b"x" * (64 * 1024)
    with pytest.raises(ProviderError) as caught:
        events_of(b"data: ", *[piece] * (MAX_EVENT_BYTES // len(piece) + 1))
    assert caught.value.code == "upstream_bad_response"


def test_many_small_lines_without_a_blank_one_are_refused_beyond_the_limit():
    with pytest.raises(ProviderError):
        list(decode((b"data: x\n" for _ in range(200)), limit=1000))


def test_an_event_as_long_as_the_limit_passes():
    line = b"data: " + b"x" * 992
    assert data_of(line, b"\n\n") == [b"x" * 992]
    assert len(list(decode([line, b"\n\n"], limit=1000))) == 3


def test_events_before_one_that_is_too_long_are_handed_on():
    events = decode([b"data: 1\n\n" + b"x" * 100], limit=50)
    assert next(events).data == b"1"
    with pytest.raises(ProviderError):
        next(events)


# Cuts. Fields and line ends in every order, so that blank lines fall everywhere.
PIECES = st.sampled_from(
    [b"data: ", b"data", b"event: a", b"id: 1", b"retry: 10", b": c", b"x", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n",
     b"\r\r", b"\r\n\r\n", b"\xef\xbb\xbf", "é€".encode(), b"{}"]
)  # fmt: skip
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


@st.composite
def cut_streams(draw):
    stream = draw(STREAMS)
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return stream, [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


@given(cut_streams())
def test_any_cut_gives_the_same_events(case):
    stream, chunks = case
    assert said_by(*chunks) == said_by(stream)


@given(STREAMS)
def test_byte_by_byte_gives_the_same_events(stream):
    assert said_by(*(bytes([byte]) for byte in stream)) == said_by(stream)


@given(cut_streams())
def test_the_raw_bytes_are_the_input(case):
    stream, chunks = case
    events = events_of(*chunks)
    raw = b"".join(event.raw for event in events)
    added = raw[len(stream) :]
    assert raw.startswith(stream)
    assert not added or (not events[-1].complete and added in (b"\n", b"\n\n"))


# The standard, written down once more in the plainest way: line by line, nothing kept but the fields.
def read_by_the_standard(stream):
    text = stream.decode("utf-8", "surrogateescape").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    type_, data, found = "", None, []
    for line in text.split("\n")[:-1]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data is not None:
                found.append((type_ or "message", data))
            type_, data = "", None
        elif name == "data":
            data = value if data is None else f"{data}\n{value}"
        elif name == "event":
            type_ = value
    return [(type_, data.encode("utf-8", "surrogateescape")) for type_, data in found]


@given(STREAMS)
def test_complete_events_are_those_of_the_standard(stream):
    ours = [(event.type, event.data) for event in events_of(stream) if event.complete and event.data is not None]
    assert ours == read_by_the_standard(stream)


# sseclient-py leaves the standard in these points, and only inputs without them are compared: it does not skip a byte
# order mark, knows no blank line of mixed line ends, takes a retry that is no number and an id with a NUL, dispatches
# what is left without a blank line, and raises on bytes that are not UTF-8.
TEXT = st.text(st.characters(exclude_characters="\r\n\0\ufeff", exclude_categories=["Cs"]), max_size=8)
LINES = st.one_of(
    st.just(""),
    st.builds("data:{}".format, TEXT),
    st.builds("data: {}".format, TEXT),
    st.builds("event: {}".format, TEXT),
    st.builds("id: {}".format, TEXT),
    st.builds("retry: {}".format, st.integers(0, 10**6)),
    st.builds(": {}".format, TEXT),
    TEXT,
)


@given(st.lists(LINES, max_size=20), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_are_those_of_sseclient(lines, end):
    stream = end.join([*lines, "", ""]).encode()
    theirs = [
        (event.event, event.data.encode(), event.id, None if event.retry is None else int(event.retry))
        for event in sseclient.SSEClient(io.BytesIO(stream)).events()
        if event.retry is None or event.retry.isdigit()
    ]
    assert [said for said in said_by(stream) if said[1] is not None] == theirs


def test_an_event_of_our_own_reads_back():
    event = Event.of("one\ntwo", "greeting")
    assert (event.raw, event.type, event.data) == (
        b"event: greeting\ndata: one\ndata: two\n\n", "greeting", b"one\ntwo",
    )  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_an_event_of_our_own(text):
    wanted = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    assert data_of(Event.of(text).raw) == [wanted]


def test_an_event_of_json_is_one_line():
    event = Event.of_json({"text": "a\nb"}, "x")
    assert event.raw == b'event: x\ndata: {"text":"a\\nb"}\n\n'
    assert event.json() == {"text": "a\nb"}


def test_a_whole_body_is_an_event_with_its_bytes():
    event = Event.whole(b'{"a": 1}\n')
    assert (event.raw, event.data, event.type, event.json()) == (b'{"a": 1}\n', b'{"a": 1}\n', "message", {"a": 1})


def test_an_event_tells_its_size_and_not_its_content():
    assert repr(Event(b"data: secret\n\n")) == "<Event message of 14 bytes>"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                    | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_loads_reads_what_json_writes(value):
    assert loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "data",
    [b"", b" ", b"{", b'{"a":1', b"{}{}", b"{} x", b"NaN", b'{"a":Infinity}', b"[-Infinity]", b"\xff",
     b"\xef\xbb\xbf{}", b"[" * 200000, b"9" * 5000, b"<html>"],
)  # fmt: skip
def test_loads_refuses_what_is_not_one_json_value(data):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        loads(data)


def test_loads_allows_white_space_around_a_value():
    assert loads(b" \r\n{}\n") == {}
