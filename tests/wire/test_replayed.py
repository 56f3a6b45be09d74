"""Every recorded exchange of OpenAI's dialects goes through the proxy and comes back as it was recorded."""

import json

import pytest

from wire.conftest import CHUNKINGS
from wire.recordings import OURS, WIRE, body_of, events_of, expected_events, records

pytestmark = pytest.mark.skipif(not records(), reason=f"the recorded exchanges are not at {WIRE}")


def of(*, stream, ok):
    """The records of one form, each with a name for its test."""
    return [
        pytest.param(name, record, id=f"{name}-{record['id']}")
        for name, record in records()
        if record["response"]["is_stream"] == stream and (record["response"]["status"] == 200) == ok
    ]


@pytest.mark.parametrize(("name", "record"), of(stream=False, ok=True))
def test_a_whole_answer_arrives_as_it_was_recorded(name, record, exchange):
    status, headers, text = exchange(name, record, body_of(record))
    recorded = json.loads(record["response"]["body_text"])
    if recorded.get("error") and "output" not in recorded:
        assert status >= 400
        return
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(text) == recorded


@pytest.mark.parametrize("chunking", CHUNKINGS)
@pytest.mark.parametrize(("name", "record"), of(stream=True, ok=True))
def test_a_stream_arrives_event_by_event_as_it_was_recorded(name, record, chunking, exchange):
    status, headers, text = exchange(name, record, body_of(record), chunking)
    assert (status, headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    assert events_of(text) == expected_events(record)


@pytest.mark.parametrize(("name", "record"), of(stream=False, ok=False))
def test_an_error_keeps_its_meaning(name, record, exchange):
    status, _, text = exchange(name, record, body_of(record))
    recorded, error = record["response"], json.loads(text)["error"]
    if recorded["status"] in OURS:
        assert (status, error["code"]) == OURS[recorded["status"]]
        assert recorded["body_text"] not in text
        return
    said = json.loads(recorded["body_text"])
    said = said.get("error", said)
    assert status == recorded["status"]
    assert (error["message"], error["code"]) == (said["message"], said.get("code"))
