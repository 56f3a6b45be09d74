"""The official `anthropic` SDK puts the same message together from a recorded stream and from ours."""

import pytest

from llmproxy.core.sse import PAUSE
from wire.recordings import WIRE
from wire.round_trips import anthropic_messages, harness

streaming = pytest.importorskip("anthropic.lib.streaming._messages", reason="the SDK comes with the dev extra")
pytestmark = [
    pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}"),
    # The SDK reads what its types do not foresee and warns when it writes it again.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]


def streams():
    """The recorded streams that the SDK takes: with a second `message_start` it does not know what to do."""
    for _, record in harness.answers_of(anthropic_messages, stream=True):
        if "odd_order" not in record["tags"]:
            yield pytest.param(record, id=record["id"])


def accumulated(events):
    message, buffers = None, {}
    for event in events:
        if event.data is not None and event.type != "ping":
            message = streaming.accumulate_event(event=event.json(), current_snapshot=message, json_bufs=buffers)
    return message.to_dict(mode="json")


@pytest.mark.parametrize("record", list(streams()))
def test_a_stream_adds_up_to_the_same_message(record):
    recorded = [event for event in harness.events_in(anthropic_messages, record) if event is not PAUSE]
    written = harness.written_stream(anthropic_messages, record)
    assert accumulated(written) == accumulated(recorded)
