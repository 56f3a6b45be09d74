"""The answer on its way back, with OpenAI's chat dialect on both sides."""

import json
import weakref

import pytest

from llmproxy.core.answer import Answer, Appended, Counted, End, Opened, Start, Usage
from llmproxy.core.chat import Text
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import (
    ClientGone,
    LLMProxyError,
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnreachable,
    StreamError,
)
from llmproxy.core.pipeline import Pipeline
from llmproxy.core.processor import Processor, ProcessorChain
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE, Event, decode
from llmproxy.dialects.openai_chat import OpenAIChatClient, OpenAIChatProvider

HELLO = b'data: {"choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = b'{"choices": [{"message": {"content": "hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}'


def ask(stream=True, **members):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **members}
    return OpenAIChatClient().parse(json.dumps(body).encode(), RequestContext(attempts=[Attempt("l", "m", sent=True)]))


def relayed(*chunks, request=None):
    """A stream of the upstream's chunks; an exception among them is raised where it stands."""

    def source():
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return ResponseStream.relay(decode(source()), OpenAIChatProvider(), request or ask())


def whole(body, request=None):
    return ResponseStream.relay([Event.whole(body)], OpenAIChatProvider(), request or ask(stream=False))


def errors_in(answer):
    events = [event for event in decode([answer]) if event is not PAUSE]
    return [json.loads(event.data)["error"] for event in events if b'"error"' in event.raw]


# A stream that is relayed.


def test_a_stream_is_relayed_byte_for_byte():
    sent = b": hi\n\n" + HELLO.replace(b"data: ", b"id: 1\r\ndata:") + b"event: odd\nid: 2\n\n" + STOP + DONE
    assert b"".join(relayed(sent)) == sent


def test_what_came_together_leaves_together():
    assert list(relayed(HELLO + HELLO, STOP, DONE)) == [HELLO + HELLO, STOP, DONE]


def test_an_event_leaves_before_the_next_chunk_is_asked_for():
    asked = []

    def source():
        for chunk in (HELLO, STOP, DONE):
            asked.append(chunk)
            yield chunk

    stream = ResponseStream.relay(decode(source()), OpenAIChatProvider(), ask())
    assert (next(stream), asked) == (HELLO, [HELLO])


def test_half_an_event_waits_for_its_other_half():
    assert list(relayed(HELLO + STOP[:20], STOP[20:] + DONE)) == [HELLO, STOP + DONE]


def test_usage_is_noticed_and_hidden_from_a_client_that_did_not_ask():
    request = ask()
    assert b"".join(relayed(HELLO, STOP, USAGE, DONE, request=request)) == HELLO + STOP + DONE
    assert request.context.usage == Usage(3, 2)


def test_usage_that_came_unasked_is_never_hidden():
    stream = ResponseStream.relay(decode([HELLO, STOP, USAGE, DONE]), OpenAIChatProvider(), ask(), usage_asked=False)
    assert b"".join(stream) == HELLO + STOP + USAGE + DONE


def test_usage_is_shown_to_a_client_that_asked():
    request = ask(stream_options={"include_usage": True})
    assert b"".join(relayed(HELLO, STOP, USAGE, DONE, request=request)) == HELLO + STOP + USAGE + DONE


def test_usage_beside_a_choice_is_never_hidden():
    event = STOP.replace(b'"choices"', b'"usage":{"prompt_tokens":3,"completion_tokens":2},"choices"')
    assert b"".join(relayed(event, DONE)) == event + DONE


def test_the_last_usage_counts():
    request = ask()
    b"".join(relayed(USAGE.replace(b"3", b"1"), HELLO, STOP, USAGE, DONE, request=request))
    assert request.context.usage == Usage(3, 2)


def test_a_finished_stream_without_its_last_line_is_given_it():
    stream = relayed(HELLO, STOP)
    assert b"".join(stream) == HELLO + STOP + DONE
    assert stream.failure is None


def test_a_last_line_without_its_blank_line_is_the_end():
    stream = relayed(HELLO, STOP, b"data: [DONE]")
    assert b"".join(stream) == HELLO + STOP + DONE
    assert stream.failure is None


def test_events_after_the_last_line_are_dropped():
    assert b"".join(relayed(HELLO + STOP + DONE + HELLO, HELLO)) == HELLO + STOP + DONE


def test_nothing_is_read_after_the_last_line():
    stream = relayed(HELLO, STOP, DONE, AssertionError("was read"))
    assert b"".join(stream) == HELLO + STOP + DONE


# A stream that breaks.


def test_a_stream_that_ends_without_finishing_ends_with_an_error_and_no_last_line():
    stream = relayed(HELLO)
    answer = b"".join(stream)
    assert answer.startswith(HELLO)
    assert [error["code"] for error in errors_in(answer)] == ["upstream_stream_truncated"]
    assert b"[DONE]" not in answer
    assert isinstance(stream.failure, StreamError)


@pytest.mark.parametrize("half", [STOP[:30], b'data: {"choices"', b"data: [DON", b'data: "x', b"data:"])
def test_half_an_event_is_dropped_and_the_error_is_not_glued_to_it(half):
    answer = b"".join(relayed(HELLO, half))
    assert answer.startswith(HELLO + b'data: {"error":')
    assert [error["code"] for error in errors_in(answer)] == ["upstream_stream_truncated"]


def test_the_error_of_a_broken_stream_has_the_shape_of_openai():
    (error,) = errors_in(b"".join(relayed(HELLO)))
    assert error == {
        "message": "The provider's stream ended before the answer did.",
        "type": "server_error",
        "param": None,
        "code": "upstream_stream_truncated",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderUnreachable(code="upstream_reset"), "upstream_stream_reset"),
        (ProviderTimeout(), "upstream_stream_stalled"),
        (ProviderTimeout(code="deadline_exceeded"), "deadline_exceeded"),
        (ProviderError(code="upstream_bad_response"), "upstream_bad_response"),
        (LLMProxyError(code="server_shutdown"), "server_shutdown"),
        (KeyError("a bug of ours"), "internal_error"),
    ],
)
def test_a_failure_within_a_stream_is_its_last_event(error, code):
    stream = relayed(HELLO, error)
    answer = b"".join(stream)
    assert [error["code"] for error in errors_in(answer)] == [code]
    assert stream.failure.code == code


def test_what_came_before_a_failure_is_not_lost():
    def source():
        yield from (Event(HELLO), Event(HELLO))
        raise ProviderUnreachable(code="upstream_reset")

    answer = b"".join(ResponseStream.relay(source(), OpenAIChatProvider(), ask()))
    assert answer.startswith(HELLO + HELLO + b'data: {"error":')


def test_a_bug_of_ours_is_not_described_to_the_client():
    assert b"canary" not in b"".join(relayed(HELLO, KeyError("canary")))


BAD_EVENTS = [
    b"{", b"null", b"[]", b'"x"', b"1", b"NaN", b"{}{}", b"\xff", b"<html>", b'{"choices": 1}', b'{"choices": "x"}',
    b'{"choices": {"a": 1}}', b'{"choices": [1]}', b'{"choices": [null]}', b"[" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("data", BAD_EVENTS, ids=lambda data: data[:20])
def test_an_event_that_is_not_what_the_dialect_sends_ends_the_stream(data):
    answer = b"".join(relayed(HELLO, b"data: " + data + b"\n\n", STOP, DONE))
    assert [error["code"] for error in errors_in(answer)] == ["upstream_bad_response"]
    assert STOP not in answer
    assert DONE not in answer


@pytest.mark.parametrize("data", BAD_EVENTS, ids=lambda data: data[:20])
def test_a_first_event_that_is_not_what_the_dialect_sends_is_a_bad_response(data):
    with pytest.raises(ProviderError) as caught:
        relayed(b"data: " + data + b"\n\n").prime()
    assert (caught.value.status, caught.value.code) == (502, "upstream_bad_response")


@pytest.mark.parametrize(
    "data", [b'{"choices": null}', b'{"choices": []}', b'{"type": "new.thing"}', b'{"choices":[{}],"usage":7}', b"{}"]
)
def test_events_we_do_not_know_pass_unchanged(data):
    event = b"event: odd\ndata: " + data + b"\n\n"
    assert b"".join(relayed(HELLO, event, STOP, DONE)) == HELLO + event + STOP + DONE


RATE_LIMITED = b'data: {"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}\n\n'


def test_an_error_in_the_first_event_has_its_own_status():
    with pytest.raises(ProviderRateLimited) as caught:
        relayed(b": hi\n\n", RATE_LIMITED).prime()
    assert caught.value.status == 429


def test_an_error_in_the_first_event_is_raised_without_priming_too():
    with pytest.raises(ProviderRateLimited):
        list(relayed(RATE_LIMITED))


def test_an_error_within_the_stream_is_relayed_as_it_came():
    stream = relayed(HELLO, RATE_LIMITED, DONE)
    assert b"".join(stream) == HELLO + RATE_LIMITED + DONE
    assert stream.failure.code == "upstream_stream_error"


def test_nothing_is_added_to_a_stream_that_ended_with_its_own_error():
    stream = relayed(HELLO, RATE_LIMITED)
    assert b"".join(stream) == HELLO + RATE_LIMITED
    assert stream.failure.code == "upstream_stream_error"


# Priming.


def test_priming_loses_nothing():
    stream = relayed(b": hi\n\n", b": hi\n\n", HELLO, STOP, DONE).prime()
    assert b"".join(stream) == b": hi\n\n: hi\n\n" + HELLO + STOP + DONE


def test_priming_twice_loses_nothing():
    assert b"".join(relayed(HELLO, HELLO, STOP, DONE).prime().prime()) == HELLO + HELLO + STOP + DONE


def test_priming_waits_for_the_first_event_and_no_longer():
    stream = relayed(b": hi\n\n", HELLO, AssertionError("was read"))
    assert next(stream.prime()) == b": hi\n\n"


def test_a_comment_is_no_first_event():
    request = ask()
    with pytest.raises(ProviderError):
        relayed(b": hi\n\n", request=request).prime()
    assert request.context.first_event_at is None


def test_the_first_event_is_noted():
    request = ask()
    relayed(HELLO, request=request).prime()
    assert request.context.first_event_at is not None


def test_an_empty_stream_is_a_failed_answer():
    with pytest.raises(ProviderError) as caught:
        relayed().prime()
    assert caught.value.code == "upstream_truncated"


@pytest.mark.parametrize("error", [ProviderTimeout(), ClientGone(), ProviderUnreachable()])
def test_a_failure_before_the_first_event_is_raised_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        relayed(b": hi\n\n", error).prime()
    assert caught.value is error


def test_an_answer_that_failed_in_priming_is_closed_and_says_why():
    closed = []
    stream = relayed(RATE_LIMITED)
    stream.on_close(lambda: closed.append(stream.failure))
    with pytest.raises(ProviderRateLimited) as caught:
        stream.prime()
    assert closed == [caught.value]


def test_processors_may_still_be_attached_after_priming():
    stream = relayed(HELLO, STOP, DONE).prime().map(lambda event: None if event.raw == HELLO else event)
    assert b"".join(stream) == STOP + DONE


# Changing what passes.


def test_a_map_changes_events():
    shout = Event(HELLO.upper())
    assert b"".join(relayed(HELLO, STOP, DONE).map(lambda event: shout if event.raw == HELLO else event)) == (
        HELLO.upper() + STOP + DONE
    )


def test_a_map_drops_events():
    assert b"".join(relayed(HELLO, STOP, DONE).map(lambda event: None if event.raw == STOP else event)) == HELLO + DONE


def test_maps_are_applied_in_their_order_and_not_after_a_drop():
    seen = []
    stream = relayed(HELLO, STOP, DONE)
    stream.map(lambda event: None if event.raw == HELLO else event).map(lambda event: seen.append(event.raw) or event)
    b"".join(stream)
    assert seen == [STOP, DONE]


def test_a_map_does_not_see_usage_that_is_hidden():
    seen = []
    b"".join(relayed(HELLO, STOP, USAGE, DONE).map(lambda event: seen.append(event.raw) or event))
    assert USAGE not in seen


def test_a_map_does_not_join_what_came_apart():
    assert list(relayed(HELLO, STOP, DONE).map(lambda event: event)) == [HELLO, STOP, DONE]


def test_a_map_sees_a_whole_answer_as_one_event():
    stream = whole(WHOLE).map(lambda event: Event.whole(json.dumps(event.json()["usage"]).encode()))
    assert json.loads(b"".join(stream)) == {"prompt_tokens": 3, "completion_tokens": 2}


def test_a_map_that_fails_ends_the_stream_with_an_error():
    def fail(event):
        if event.raw == STOP:
            raise KeyError("canary")
        return event

    answer = b"".join(relayed(HELLO, STOP, DONE).map(fail))
    assert [error["code"] for error in errors_in(answer)] == ["internal_error"]
    assert DONE not in answer


# Closing.


def test_close_calls_back_in_order_even_if_one_fails(caplog):
    called = []
    stream = relayed(HELLO)
    stream.on_close(lambda: called.append(1))
    stream.on_close(lambda: 1 / 0)
    stream.on_close(lambda: called.append(3))
    stream.close()
    assert called == [1, 3]
    assert "releasing an answer failed" in caplog.text


def test_close_counts_once():
    called = []
    stream = relayed(HELLO)
    stream.on_close(lambda: called.append(1))
    stream.close()
    stream.close()
    assert called == [1]


def test_a_stream_is_closed_by_its_block():
    called = []
    with relayed(HELLO) as stream:
        stream.on_close(lambda: called.append(1))
    assert called == [1]


class Source:
    """Events without an end, and a close that is noted."""

    closed = False

    def __iter__(self):
        return self

    def __next__(self):
        return Event(HELLO)

    def close(self):
        self.closed = True


@pytest.mark.parametrize("use", [bool, ResponseStream.prime, lambda stream: stream.map(lambda event: event)])
def test_closing_closes_the_source(use):
    source = Source()
    stream = ResponseStream.relay(source, OpenAIChatProvider(), ask())
    use(stream)
    stream.close()
    assert source.closed


def test_a_stream_closed_early_was_left_by_its_client():
    stream = relayed(HELLO, STOP, DONE)
    next(stream)
    stream.close()
    assert isinstance(stream.failure, ClientGone)


def test_a_stream_closed_unread_was_left_by_its_client():
    stream = relayed(HELLO, STOP, DONE)
    stream.close()
    assert isinstance(stream.failure, ClientGone)


def test_a_stream_read_to_its_last_line_was_not_left():
    stream = relayed(HELLO, STOP, DONE)
    b"".join(stream)
    stream.close()
    assert stream.failure is None


def test_a_closed_stream_has_no_more_bytes():
    stream = relayed(HELLO, STOP, DONE)
    next(stream)
    stream.close()
    assert list(stream) == []


# Whole answers.


def test_a_whole_answer_is_relayed_byte_for_byte():
    stream = whole(WHOLE)
    assert (b"".join(stream), stream.failure) == (WHOLE, None)


def test_the_usage_of_a_whole_answer_is_noticed():
    request = ask(stream=False)
    list(whole(WHOLE, request))
    assert request.context.usage == Usage(3, 2)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"x"', b"{}", b"{}{}", b"<html>", b'{"choices": {}}', b"\xff", b"NaN"]
)
def test_a_whole_answer_that_is_none_is_a_bad_response(body):
    with pytest.raises(ProviderError) as caught:
        list(whole(body))
    assert (caught.value.status, caught.value.code) == (502, "upstream_bad_response")


def test_an_error_in_the_place_of_a_whole_answer_has_its_own_status():
    with pytest.raises(ProviderRateLimited):
        whole(b'{"error": {"message": "slow down", "type": "rate_limit_error"}}').prime()


def test_the_failure_of_a_whole_answer_is_raised_and_never_an_event():
    def source():
        raise ProviderUnreachable(code="upstream_reset")
        yield

    stream = ResponseStream.relay(source(), OpenAIChatProvider(), ask(stream=False))
    with pytest.raises(ProviderUnreachable) as caught:
        list(stream)
    assert stream.failure is caught.value


# Answers that are said rather than relayed.

SPOKEN = [Start(), Opened(0, Text()), Appended(0, "hel"), Appended(0, "lo"), Counted(Usage(3, 2)), End("stop")]


def test_deltas_become_a_stream_in_the_clients_dialect():
    request = ask()
    answer = b"".join(ResponseStream.say(SPOKEN, request))
    assert b'"content":"hel"' in answer
    assert answer.endswith(DONE)
    assert request.context.usage == Usage(3, 2)


def test_deltas_leave_one_by_one():
    assert len(list(ResponseStream.say(SPOKEN, ask()))) == 5


def test_deltas_become_a_whole_answer_for_a_client_that_does_not_stream():
    request = ask(stream=False)
    body = json.loads(b"".join(ResponseStream.say(iter(SPOKEN), request)))
    assert body["choices"][0]["message"]["content"] == "hello"
    assert request.context.usage == Usage(3, 2)


def test_an_answer_becomes_a_stream_for_a_client_that_streams():
    answer = b"".join(ResponseStream.say(Answer.of("hello"), ask()))
    assert b'"content":"hello"' in answer
    assert answer.endswith(DONE)


@pytest.mark.parametrize(("stream", "type_"), [(True, "text/event-stream; charset=utf-8"), (False, "application/json")])
def test_the_content_type_is_that_of_the_form_asked_for(stream, type_):
    assert ResponseStream.say(SPOKEN, ask(stream=stream)).content_type == type_


def test_a_speaker_that_fails_at_once_fails_in_priming():
    def silent():
        raise ProviderTimeout()
        yield

    with pytest.raises(ProviderTimeout):
        ResponseStream.say(silent(), ask()).prime()


def test_a_speaker_that_fails_midway_ends_its_stream_with_an_error():
    def breaking():
        yield from SPOKEN[:3]
        raise ProviderUnreachable(code="upstream_reset")

    answer = b"".join(ResponseStream.say(breaking(), ask()))
    assert [error["code"] for error in errors_in(answer)] == ["upstream_stream_reset"]
    assert DONE not in answer


# Answers of bytes.


def test_bytes_go_to_the_client_piece_by_piece():
    assert list(ResponseStream([b"a", b"b"])) == [b"a", b"b"]


def test_the_head_of_an_answer_of_bytes_is_as_given():
    stream = ResponseStream([], status=201, content_type="text/plain", headers={"x-a": "b"})
    assert (stream.status, stream.content_type, stream.headers) == (201, "text/plain", {"x-a": "b"})


def test_an_answer_of_bytes_is_complete_when_they_are_all_taken():
    stream = ResponseStream([b"a"])
    list(stream)
    assert stream.failure is None


def test_each_piece_of_an_answer_of_bytes_is_progress():
    noted = []
    stream = ResponseStream([b"a", b"b", b"c"])
    stream.on_begin(lambda: noted.append("begun"))
    stream.on_move(lambda: noted.append("moved"))
    list(stream)
    assert noted == ["begun", "moved", "moved"]


# The way back through the chain.


class Noting(Processor):
    def __init__(self, name, notes, when=None):
        self.name, self.notes, self.when = name, notes, when

    def process(self, request):
        self.notes.append(f"{self.name} in")
        return request

    def process_response(self, request, stream):
        self.notes.append(f"{self.name} out")
        return stream


def chained(*processors):
    request = ask()
    chain = ProcessorChain(processors)
    request = chain.process(request)
    return chain.process_response(request, relayed(HELLO, STOP, DONE, request=request))


def test_processors_see_answers_in_reverse_order():
    notes = []
    chained(Noting("a", notes), Noting("b", notes))
    assert notes == ["a in", "b in", "b out", "a out"]


def test_a_processor_that_did_not_see_the_request_does_not_see_its_answer():
    notes = []
    chained(Noting("a", notes), Noting("b", notes, when=lambda request: False))
    assert notes == ["a in", "a out"]


def test_a_processor_may_change_the_answer():
    class Shout(Processor):
        def process_response(self, request, stream):
            return stream.map(lambda event: Event(event.raw.upper()))

    assert b"".join(chained(Shout())) == (HELLO + STOP + DONE).upper()


def test_a_pipeline_whose_client_primes_in_vain_is_finished_with_the_reason():
    class Client:
        def execute(self, request):
            return relayed(RATE_LIMITED, request=request)

    context = RequestContext(attempts=[Attempt("l", "m", sent=True)])
    pipeline = Pipeline(OpenAIChatClient(), ProcessorChain(), Client())
    body = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}'
    with pytest.raises(ProviderRateLimited):
        pipeline.execute(body, context).prime()
    assert (context.outcome.status, context.outcome.settlement) == (429, "void")


def test_a_closed_answer_keeps_nothing_of_what_it_said():
    body = Kept(b'{"choices": []}')
    gone = weakref.ref(body)
    stream = ResponseStream(iter([body]), ask())
    assert list(stream) == [b'{"choices": []}']
    del body
    stream.close()
    assert gone() is None
    assert list(stream) == []


class Kept(bytearray):
    """Bytes that can be told to be gone."""
