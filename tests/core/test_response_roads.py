"""The two roads of an answer: relayed as it came, or read into the neutral model and written anew."""

import json

import pytest

from llmproxy.core.answer import Answer, Appended, Choice, Closed, Counted, End, Opened, Start, Usage
from llmproxy.core.chat import Text, Thinking, ToolCall
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import ProviderError, ProviderUnavailable, UnsupportedFeature
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE, Event, decode
from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider
from llmproxy.dialects.openai_completions import OpenAICompletionsClient

HELLO = b'data: {"id":"c1","model":"x","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n'
STOP = b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"type":"overloaded_error","message":"canary"}}\n\n'
WHOLE = b'{"choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'


def ask(stream=True):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return OpenAIChatClient().parse(json.dumps(body).encode(), RequestContext(attempts=[Attempt("l", "m", sent=True)]))


def complete(stream=True):
    """A request of another dialect than the upstream's."""
    body = {"model": "m", "prompt": "hi", "stream": stream}
    context = RequestContext(attempts=[Attempt("l", "m", sent=True)])
    return OpenAICompletionsClient().parse(json.dumps(body).encode(), context)


def relayed(*chunks, request=None, whole=None):
    source = [Event.whole(*chunks)] if whole else decode(iter(chunks))
    return ResponseStream.relay(source, OpenAIChatProvider(), request or ask(), whole=whole)


def values(stream):
    events = [event for event in decode([b"".join(stream)]) if event is not PAUSE]
    return [event.json() if event.data != b"[DONE]" else "[DONE]" for event in events]


def test_a_tap_sees_what_is_said_and_changes_nothing():
    seen = []
    sent = HELLO + STOP + USAGE.replace(b"3", b"4") + DONE
    stream = relayed(sent).tap(seen.append)
    assert b"".join(stream) == HELLO + STOP + DONE
    assert seen[1:-1] == [Opened(0, Text()), Appended(0, "hello"), Closed(0), End("stop")]
    assert seen[-1].usage.input == 4


def test_a_tap_sees_a_whole_answer_in_its_steps():
    seen = []
    assert b"".join(relayed(WHOLE, request=ask(False), whole=True).tap(seen.append)) == WHOLE
    assert Answer.collect(seen).text == "hello"


def test_a_tap_sees_what_a_provider_says_in_the_neutral_model():
    seen = []
    b"".join(ResponseStream.say(Answer.of("hello"), ask()).tap(seen.append))
    assert Answer.collect(seen).text == "hello"


CALLED = Answer(
    (Choice((Thinking("hm"), Text("he"), ToolCall("c1", "f", "{}"), Text("llo"))), Choice((Text("other"),))),
)


@pytest.mark.parametrize(
    "deltas",
    [
        list(CALLED.play()),
        [Opened(0, Text("hel")), Appended(0, "lo"), End("stop")],
        [Appended(0, "hello"), Opened(1, Thinking("hm")), Appended(1, "hm"), End("stop")],
    ],
)
def test_a_tap_of_the_text_sees_the_first_choices_text_alone(deltas):
    pieces = []
    b"".join(ResponseStream.say(deltas, ask()).tap_text(pieces.append))
    assert "".join(pieces) == Answer.collect(deltas).text == "hello"
    assert all(pieces)


def test_a_tap_of_the_text_leaves_the_bytes_as_they_are():
    pieces = []
    assert b"".join(relayed(HELLO + STOP + DONE).tap_text(pieces.append)) == HELLO + STOP + DONE
    assert pieces == ["hello"]


def test_what_is_said_may_be_changed():
    def shout(delta):
        return Appended(delta.index, delta.text.upper()) if isinstance(delta, Appended) else delta

    text = b"".join(relayed(HELLO + STOP + DONE).map_deltas(shout)).decode()
    assert '"content":"HELLO"' in text
    assert '"id":"c1"' in text
    assert text.endswith("data: [DONE]\n\n")


def test_what_is_said_may_be_dropped():
    stream = relayed(HELLO + STOP + DONE).map_deltas(lambda delta: None if isinstance(delta, Appended) else delta)
    assert b"hello" not in b"".join(stream)


def test_taps_see_what_has_become_of_the_steps():
    seen = []
    stream = relayed(HELLO + STOP + DONE).map_deltas(lambda delta: None).tap(seen.append)
    b"".join(stream)
    assert seen == []


def test_a_stream_in_another_dialect_is_written_in_the_clients():
    said = values(relayed(HELLO + STOP + USAGE + DONE, request=complete()))
    assert [value["choices"][0]["text"] for value in said[:-1]] == ["hello", ""]
    assert (said[-2]["choices"][0]["finish_reason"], said[-1]) == ("stop", "[DONE]")


def test_a_translated_stream_leaves_as_it_arrives():
    request = complete()
    stream = ResponseStream.relay(decode([HELLO, HELLO, STOP, DONE]), OpenAIChatProvider(), request)
    assert b'"text":"hello"' in next(stream)
    assert not stream.ended


def test_a_translated_stream_that_ends_early_says_so_in_the_clients_words():
    stream = relayed(HELLO, request=complete())
    assert values(stream)[-1]["error"]["code"] == "upstream_stream_truncated"
    assert stream.failure.code == "upstream_stream_truncated"


def test_an_error_within_a_translated_stream_keeps_its_class():
    request = complete()
    stream = relayed(HELLO, ERROR, STOP, request=request)
    said = values(stream)
    assert (said[-1]["error"]["code"], stream.failure.settlement) == ("upstream_overloaded", "partial")
    assert "canary" not in str(said)


def test_an_error_before_a_translated_stream_is_raised():
    with pytest.raises(ProviderUnavailable):
        relayed(ERROR, request=complete()).prime()


def test_an_event_that_is_none_ends_a_translated_stream():
    odd = b'data: {"choices":[7]}\n\n'
    stream = relayed(HELLO, odd, request=complete())
    assert values(stream)[-1]["error"]["code"] == "upstream_bad_response"


def test_a_whole_answer_is_played_to_a_client_that_streams():
    said = values(relayed(WHOLE, whole=True))
    assert said[0]["choices"][0]["delta"]["role"] == "assistant"
    assert said[1]["choices"][0]["delta"] == {"content": "hello"}
    assert said[-1] == "[DONE]"


def test_a_stream_is_collected_for_a_client_that_does_not():
    request = ask(stream=False)
    body = json.loads(b"".join(relayed(HELLO + STOP + USAGE + DONE, request=request, whole=False)))
    assert body["choices"][0]["message"]["content"] == "hello"
    assert request.context.usage.total == 5


def test_the_failure_of_a_collected_stream_is_raised():
    stream = relayed(HELLO, request=ask(stream=False), whole=False)
    with pytest.raises(ProviderError) as caught:
        list(stream)
    assert caught.value.code == "upstream_truncated"


def test_a_caller_in_this_process_gets_the_answer_itself():
    assert relayed(HELLO + STOP + USAGE + DONE).answer().text == "hello"
    assert relayed(WHOLE, request=ask(False), whole=True).answer().usage.input == 3


def test_a_caller_in_this_process_gets_the_failure_raised():
    stream = relayed(HELLO, ERROR)
    with pytest.raises(ProviderUnavailable):
        list(stream.deltas())
    assert stream.failure.code == "upstream_overloaded"


def test_an_answer_of_bytes_says_nothing_in_the_neutral_model():
    with pytest.raises(UnsupportedFeature):
        ResponseStream([b"x"], ask()).answer()


def test_usage_is_counted_on_every_road():
    for request in (ask(), complete(), ask(stream=False)):
        with relayed(HELLO + STOP + USAGE + DONE, request=request, whole=False) as stream:
            b"".join(stream)
        assert request.context.usage.total == 5
    request = ask()
    b"".join(ResponseStream.say([Start(), Counted(Usage(1, 2)), End("stop")], request))
    assert request.context.usage == Usage(1, 2)
