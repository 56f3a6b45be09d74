import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.dialects.openai_responses import OpenAIResponsesClient, OpenAIResponsesProvider


def test_an_error_within_a_stream_is_an_error_and_a_failure():
    events = list(OpenAIResponsesClient().error_events(LLMProxyError(code="upstream_stream_reset"), RequestContext()))
    assert [event.type for event in events] == ["error", "response.failed"]
    assert [event.json()["type"] for event in events] == ["error", "response.failed"]
    assert events[0].json()["code"] == events[1].json()["response"]["error"]["code"] == "upstream_stream_reset"


def test_a_response_that_failed_is_an_error_to_a_client_of_another_dialect():
    failed = {"status": "failed", "output": [], "error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    with pytest.raises(ProviderError) as caught:
        OpenAIResponsesProvider().read_answer(failed)
    assert caught.value.status == 429


def test_an_error_in_a_stream_as_openai_sends_it_is_read():
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "no money", "param": None}
    body = json.dumps({"type": "error", "sequence_number": 2, "error": error}).encode()
    assert OpenAIResponsesProvider().read_error(200, {}, body).code == "upstream_quota_exhausted"
