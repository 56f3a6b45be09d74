import json

import pytest

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.chat import Chat, Message, Text, Tool
from llmproxy.core.context import RequestContext
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.anthropic_count_tokens import AnthropicCountTokensClient, AnthropicCountTokensProvider


def ask(**members):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}
    return AnthropicCountTokensClient().parse(json.dumps(body).encode(), RequestContext())


def signs(body):
    return AnthropicCountTokensProvider().signs(Event.whole(json.dumps(body).encode()), True)


def test_a_count_is_asked_for_as_a_message_would_be():
    request = ask(system="s", tools=[{"name": "f", "input_schema": {}}])
    assert (request.purpose, request.stream) == ("count", False)
    assert (request.to_chat().system(), request.to_chat().tools[0].name) == ("s", "f")


def test_what_is_only_about_the_answer_is_not_said():
    messages = (Message("system", (Text("s"),)), Message("user", (Text("hi"),)))
    chat = Chat("m", messages, tools=(Tool("f"),), max_tokens=5, temperature=0.5, stop=("a",), user="u", stream=True)
    body, lost = AnthropicCountTokensProvider().write_request(chat)
    assert body.keys() == {"model", "system", "messages", "tools"}
    assert lost == []


def test_limits_and_defaults_do_not_get_into_a_count_which_would_refuse_them():
    request = ask().with_max_tokens(5).with_defaults({"temperature": 0.2})
    assert request.to_dict() == ask().to_dict()


def test_a_count_is_read_as_usage_without_an_answer():
    answer = AnthropicCountTokensProvider().read_answer({"input_tokens": 7})
    assert answer == Answer.of(usage=Usage(7))


@pytest.mark.parametrize(("usage", "count"), [(Usage(7), 7), (Usage(), 0)])
def test_a_count_is_written_alone(usage, count):
    assert AnthropicCountTokensClient().write_answer(Answer.of(usage=usage), ask()) == {"input_tokens": count}


def test_what_is_counted_is_not_spent():
    assert signs({"input_tokens": 7}) == Signs(finished=True, terminal=True)


def test_an_error_in_the_place_of_a_count_is_one():
    assert signs({"type": "error", "error": {}}).error


@pytest.mark.parametrize("body", [[], {}, {"input_tokens": "7"}, {"input_tokens": -1}])
def test_what_is_no_count_is_refused(body):
    with pytest.raises(ValueError, match="not a count"):
        signs(body)
