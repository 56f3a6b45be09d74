"""The decoder of binary event streams, by https://smithy.io/2.0/aws/amazon-eventstream.html."""

import itertools
import json
import struct
import zlib

import pytest
from eventstreams import framed, message
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.errors import ProviderError
from llmproxy.core.eventstream import decode
from llmproxy.core.sse import PAUSE

STREAM = [
    message("messageStart", {"role": "assistant"}),
    message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "héllo"}}),
    message("messageStop", b""),
]


def events_of(*chunks, **limits):
    return [item for item in decode(chunks, **limits) if item is not PAUSE]


def refusal_of(*chunks, **limits):
    with pytest.raises(ProviderError) as caught:
        events_of(*chunks, **limits)
    return caught.value.code, caught.value.detail


def test_a_message_is_an_event_of_its_type_with_its_payload_as_data():
    event = events_of(STREAM[1])[0]
    assert (event.type, event.json()["delta"], event.raw) == ("contentBlockDelta", {"text": "héllo"}, STREAM[1])
    assert (event.complete, event.failed) == (True, False)


@given(st.lists(st.integers(0, len(b"".join(STREAM))), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts):
    stream = b"".join(STREAM)
    borders = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(borders)]
    assert [event.raw for event in events_of(*pieces)] == STREAM


def test_one_byte_at_a_time_gives_the_same_events():
    stream = b"".join(STREAM)
    assert [event.raw for event in events_of(*(stream[i : i + 1] for i in range(len(stream))))] == STREAM


def test_each_piece_is_followed_by_a_pause_and_pauses_pass():
    items = list(decode([STREAM[0], PAUSE, STREAM[1][:5]]))
    assert [item is PAUSE for item in items] == [False, True, True, True, False]


def test_a_payload_may_be_empty():
    assert events_of(STREAM[2])[0].data == b""


@pytest.mark.parametrize("kept", [1, 11, 12, 40, len(STREAM[0]) - 1])
def test_half_a_message_at_the_end_is_not_complete_and_no_json(kept):
    whole, half = events_of(STREAM[1] + STREAM[0][:kept])
    assert (whole.complete, half.complete) == (True, False)
    with pytest.raises(ValueError, match="not JSON"):
        half.json()


def flipped(raw, position):
    return raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]


@pytest.mark.parametrize("position", [0, 3, 4, 7, 8, 11])
def test_lengths_that_do_not_match_their_checksum_are_refused(position):
    code, detail = refusal_of(flipped(STREAM[0], position))
    assert (code, detail) == ("upstream_bad_response", "a message whose lengths do not match their checksum")


@pytest.mark.parametrize("position", [12, 30, -5, -1])
def test_a_message_that_does_not_match_its_checksum_is_refused(position):
    code, detail = refusal_of(flipped(STREAM[0], len(STREAM[0]) + position if position < 0 else position))
    assert (code, detail) == ("upstream_bad_response", "a message that does not match its checksum")


def test_bytes_that_are_no_event_stream_are_refused():
    assert refusal_of(b"<html>not found</html>")[0] == "upstream_bad_response"


def test_a_message_beyond_the_limit_is_refused_before_it_has_come():
    long = message("contentBlockDelta", b"x" * 2000)
    assert refusal_of(long[:12], limit=1000)[1].startswith("a message of 2")


def prelude(size, header_size):
    lengths = struct.pack(">II", size, header_size)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@pytest.mark.parametrize(("size", "header_size"), [(0, 0), (15, 0), (16, 1), (200, 190), (500_000, 400_000)])
def test_lengths_that_cannot_be_are_refused(size, header_size):
    assert refusal_of(prelude(size, header_size))[0] == "upstream_bad_response"


def test_headers_of_every_type_are_passed_over():
    others = {
        "yes": b"\0", "no": b"\1", "byte": b"\2\7", "short": b"\3\0\7", "int": b"\4\0\0\0\7", "long": b"\5" + b"\0" * 8,
        "bytes": b"\6\0\2ab", "time": b"\x08" + b"\0" * 8, "uuid": b"\x09" + b"\0" * 16,
    }  # fmt: skip
    event = events_of(framed({**others, ":message-type": "event", ":event-type": "chunk"}, b"{}"))[0]
    assert (event.type, event.data) == ("chunk", b"{}")


@pytest.mark.parametrize("header", [b"\x0a", b"\4\0", b"\7\0\5ab", b"\7\0", b"\7\0\1\xff", b""])
def test_headers_that_are_none_are_refused(header):
    assert refusal_of(framed({"x": header}))[0] == "upstream_bad_response"


def test_a_message_without_headers_is_an_event():
    event = events_of(framed({}, b"{}"))[0]
    assert (event.type, event.data, event.failed) == ("message", b"{}", False)


def test_an_exception_says_its_kind_in_its_data():
    event = events_of(message("throttlingException", {"message": "slow"}, kind="exception"))[0]
    assert (event.failed, event.type) == (True, "throttlingException")
    assert json.loads(event.data) == {"__type": "throttlingException", "message": "slow"}


def test_an_error_says_in_its_data_what_its_headers_say():
    event = events_of(message("InternalError", b"", kind="error", **{":error-message": "broke"}))[0]
    assert (event.failed, json.loads(event.data)) == (True, {"__type": "InternalError", "message": "broke"})


@pytest.mark.parametrize("payload", [b"", b"gone", b"[1]", b"\xff"])
def test_an_exception_may_say_anything(payload):
    event = events_of(message("internalServerException", payload, kind="exception"))[0]
    assert event.json() == {"__type": "internalServerException"}


def test_amazons_own_decoder_sees_the_same():
    botocore = pytest.importorskip("botocore.eventstream", reason="botocore is not installed")
    buffer = botocore.EventStreamBuffer()
    buffer.add_data(b"".join(STREAM))
    theirs = [(message.headers[":event-type"], message.payload) for message in buffer]
    assert [(event.type, event.data) for event in events_of(*STREAM)] == theirs
