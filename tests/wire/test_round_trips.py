"""Every recorded request, answer and stream, read and written again in its own dialect, is what it was."""

import json

import pytest

from wire.recordings import WIRE
from wire.round_trips import (
    anthropic_messages,
    gemini_generate,
    harness,
    ollama_chat,
    openai_chat,
    openai_responses,
)

DIALECTS = (anthropic_messages, gemini_generate, ollama_chat, openai_chat, openai_responses)

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}")


def cases(records):
    return [
        pytest.param(dialect, record, id=f"{dialect.CLIENT.name}-{record['id']}")
        for dialect in DIALECTS
        for _, record in records(dialect)
    ]


@pytest.mark.parametrize(("dialect", "record"), cases(harness.requests_of))
def test_a_request_is_what_it_was(dialect, record):
    written, lost = harness.written_request(dialect, record)
    recorded = record["request"]["json"]
    assert harness.alike(written, dialect.REQUESTS) == harness.alike(recorded, dialect.REQUESTS)
    assert lost == []


@pytest.mark.parametrize(("dialect", "record"), cases(lambda dialect: harness.answers_of(dialect, stream=False)))
def test_an_answer_is_what_it_was(dialect, record):
    if harness.is_error(dialect, record):
        return
    written, recorded = harness.written_answer(dialect, record), json.loads(harness.recorded_bytes(record))
    assert harness.alike(written, dialect.ANSWERS) == harness.alike(recorded, dialect.ANSWERS)


@pytest.mark.parametrize(("dialect", "record"), cases(lambda dialect: harness.answers_of(dialect, stream=True)))
def test_a_stream_is_what_it_was(dialect, record):
    written = harness.as_values(harness.written_stream(dialect, record))
    recorded = harness.as_values(harness.events_in(dialect, record))
    written, recorded = dialect.same_stream(written, recorded)
    assert harness.alike(written, dialect.STREAMS) == harness.alike(recorded, dialect.STREAMS)
