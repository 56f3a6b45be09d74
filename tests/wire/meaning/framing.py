"""The events of recorded streams, each read by the simplest means there is."""

import json

import pytest


def server_sent(body):
    """The JSON of every event of a `text/event-stream`."""
    for block in body.decode("utf-8").replace("\r\n", "\n").split("\n\n"):
        lines = [line.partition(":")[2].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        if lines and lines != ["[DONE]"]:
            yield json.loads("\n".join(lines))


def lines(body):
    """The JSON of every line."""
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def eventstream():
    """Amazon's own reader, which comes with the bedrock extra."""
    return pytest.importorskip("botocore.eventstream", reason="botocore comes with the bedrock extra")


def binary(body):
    """The events of Amazon's event stream as (type, JSON), by Amazon's own reader."""
    buffer = eventstream().EventStreamBuffer()
    buffer.add_data(body)
    return [(event.headers[":event-type"], json.loads(event.payload)) for event in buffer]
