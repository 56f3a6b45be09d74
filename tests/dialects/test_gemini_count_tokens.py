import json

import pytest

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.core.sse import Event
from llmproxy.dialects.gemini_count_tokens import GeminiCountTokensClient, GeminiCountTokensProvider

HI = {"role": "user", "parts": [{"text": "hi"}]}
WHOLE = {"model": "models/m", "contents": [HI], "systemInstruction": {"parts": [{"text": "brief"}]}}
PROVIDER = GeminiCountTokensProvider()


def ask(**body):
    return GeminiCountTokensClient().parse(json.dumps(body).encode(), RequestContext(path={"model": "m"}))


def signs(value):
    return PROVIDER.signs(Event.whole(json.dumps(value).encode()), True)


def test_a_request_to_be_counted_is_a_request_and_never_a_stream():
    request = ask(contents=[HI])
    assert (request.model, request.purpose, request.stream) == ("m", "count", False)
    assert list(request.texts()) == ["hi"]


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_a_whole_request_is_counted_with_its_system_instruction(name):
    request = ask(**{name: WHOLE})
    assert list(request.texts()) == ["brief", "hi"]
    assert [message.role for message in request.to_chat().messages] == ["system", "user"]
    assert "model" not in request.body


def test_a_body_with_nothing_to_count_is_told_so():
    with pytest.raises(ParseError) as caught:
        ask(systemInstruction={"parts": []})
    assert caught.value.param == "contents"


def test_a_wrong_member_of_a_whole_request_is_named():
    with pytest.raises(ParseError) as caught:
        ask(generateContentRequest={"contents": []})
    assert caught.value.param == "generateContentRequest.contents"


def test_limits_and_defaults_change_nothing_that_is_counted():
    request = ask(contents=[HI])
    assert request.with_max_tokens(5) is request.with_defaults({"temperature": 1}) is request


def test_what_is_only_about_the_answer_is_not_asked():
    chat = ask(contents=[HI], generationConfig={"temperature": 1}, tools=[{"googleSearch": {}}]).to_chat()
    body, _ = PROVIDER.write_request(chat)
    assert body == {"contents": [HI], "tools": [{"googleSearch": {}}]}


def test_a_count_is_read_and_written_with_its_details():
    said = {"totalTokens": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}
    answer = PROVIDER.read_answer(said)
    assert answer.usage == Usage(5)
    assert GeminiCountTokensClient().write_answer(answer, ask(contents=[HI])) == said


def test_a_count_of_anybody_s_is_a_total():
    answer = Answer.of(usage=Usage(7))
    assert GeminiCountTokensClient().write_answer(answer, ask(contents=[HI])) == {"totalTokens": 7}


def test_what_is_counted_is_not_spent():
    assert (signs({"totalTokens": 5}).usage, signs({"totalTokens": 5}).terminal) == (None, True)
    assert signs({"error": {"code": 500}}).error
    with pytest.raises(ValueError, match="not a count"):
        signs({"candidates": []})
