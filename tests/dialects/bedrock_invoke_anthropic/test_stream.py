import json

import pytest
from eventstreams import chunk, message

from llmproxy.core.errors import ProviderError
from llmproxy.core.sse import PAUSE
from llmproxy.dialects.bedrock_invoke_anthropic import BedrockInvokeAnthropicProvider

DIALECT = BedrockInvokeAnthropicProvider()
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}


def events_of(*messages):
    return [event for event in DIALECT.decode([b"".join(messages)]) if event is not PAUSE]


def test_an_event_comes_out_of_its_wrapping_as_anthropic_sends_it():
    event = events_of(chunk(DELTA))[0]
    assert (event.type, event.json()) == ("content_block_delta", DELTA)
    assert event.raw == b"event: content_block_delta\ndata: " + json.dumps(DELTA).encode() + b"\n\n"


def test_messages_of_another_type_are_left_out():
    assert events_of(message("initial-response", {}), chunk(DELTA))[0].type == "content_block_delta"


@pytest.mark.parametrize(
    ("kind", "type", "code"),
    [
        ("throttlingException", "rate_limit_error", "upstream_rate_limited"),
        ("serviceUnavailableException", "overloaded_error", "upstream_overloaded"),
        ("modelStreamErrorException", "api_error", "upstream_error"),
    ],
)
def test_an_exception_becomes_the_error_that_anthropic_would_send(kind, type, code):
    event = events_of(message(kind, {"message": "no"}, kind="exception"))[0]
    assert (event.type, event.json()) == ("error", {"type": "error", "error": {"type": type, "message": "no"}})
    assert DIALECT.signs(event, False).error
    assert DIALECT.read_error(200, {}, event.data).code == code


@pytest.mark.parametrize("payload", [b"{}", b"x", b'{"bytes": "%%%"}', b'{"bytes": "W10="}', b'{"bytes": 5}', b"[]"])
def test_a_message_without_an_event_is_a_bad_answer(payload):
    with pytest.raises(ProviderError) as caught:
        events_of(message("chunk", payload))
    assert caught.value.code == "upstream_bad_response"


def test_half_a_message_is_no_event():
    event = events_of(chunk(DELTA)[:-3])[0]
    assert not event.complete
    with pytest.raises(ValueError, match="not JSON"):
        DIALECT.signs(event, False)


def test_an_error_answer_is_bedrocks():
    body = b'{"message": "The provided model identifier is invalid."}'
    assert DIALECT.read_error(400, {"x-amzn-errortype": "ValidationException:x"}, body).status == 404
