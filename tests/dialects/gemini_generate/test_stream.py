import json

import pytest

from llmproxy.core.answer import Answer, Appended, Aside, Closed, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Image, Other, Refusal, Signature, Source, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ProviderUnavailable
from llmproxy.core.shape import NONSENSE
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.gemini_generate import GeminiGenerateClient, GeminiGenerateProvider
from llmproxy.dialects.gemini_generate.stream import reader, signs

NAME = "gemini.generate"
HEAD = {"modelVersion": "m", "responseId": "r"}


def frame(*parts, **members):
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": 0, **members}], **HEAD}


def read(*frames):
    step = reader()
    return [delta for each in frames for delta in step(Event.of_json(each))]


def collected(*frames):
    return Answer.collect(read(*frames))


def signs_of(value, *, whole=False):
    return signs(Event.whole(json.dumps(value).encode()), whole)


def request(query):
    context = RequestContext(
        id="req-1", path={"model": "gemini-2.5-flash", "method": "streamGenerateContent"}, query=query
    )
    return GeminiGenerateClient().parse(b'{"contents": [{"parts": [{"text": "hi"}]}]}', context)


def written(*deltas):
    asked = request({"alt": "sse"})
    return [event.json() for event in asked.client_dialect.write_stream(deltas, asked)]


def parts_in(frames):
    return [part for each in frames for part in each["candidates"][0]["content"]["parts"]]


# What a relay needs to know.


def test_a_stream_has_no_terminal_event_and_ends_with_its_body():
    last = signs_of(frame({"text": ""}, finishReason="STOP"))
    assert (last.finished, last.terminal) == (True, False)
    assert list(GeminiGenerateProvider().terminal_events()) == []
    assert not signs_of(frame({"text": "a"})).finished


def test_usage_stands_on_every_frame():
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2}
    assert signs_of({**frame({"text": "a"}), "usageMetadata": usage}).usage == Usage(5, 2)
    assert signs_of({**frame({"text": "a"}), "usageMetadata": {"trafficType": "x"}}).usage is None


def test_an_error_is_a_frame_of_its_own():
    assert signs_of({"error": {"code": 503, "status": "UNAVAILABLE"}}).error
    assert signs_of({"error": {"code": 503}}, whole=True).error


def test_a_blocked_prompt_is_an_answer():
    assert signs_of({"promptFeedback": {"blockReason": "SAFETY"}}).finished
    assert not signs_of({"usageMetadata": {"promptTokenCount": 5}}).finished


@pytest.mark.parametrize("value", [[], "a", {"candidates": 5}, {"candidates": [5]}, {"usageMetadata": 5}])
def test_what_is_none_of_google_s_is_refused(value):
    with pytest.raises(NONSENSE):
        signs_of(value)


def test_an_answer_without_anything_is_none():
    with pytest.raises(ValueError, match="without candidates"):
        signs_of({"modelVersion": "m"}, whole=True)


# Reading.


def test_texts_of_frames_are_one_text():
    answer = collected(frame({"text": "a"}), frame({"text": "b"}, finishReason="STOP"))
    assert (answer.parts, answer.id, answer.model) == ((Text("ab"),), "r", "m")


def test_the_last_frame_often_holds_an_empty_text():
    deltas = read(frame({"text": "a"}), frame({"text": ""}, finishReason="STOP"))
    assert [type(delta) for delta in deltas] == [Start, Opened, Appended, Closed, End]


def test_parallel_calls_come_whole_and_perhaps_in_frames_of_their_own():
    calls = [{"functionCall": {"name": name, "args": {"a": 1}}} for name in ("f", "g", "h")]
    answer = collected(frame(*calls[:2]), frame(calls[2]), frame({"text": ""}, finishReason="STOP"))
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [(name, '{"a":1}') for name in "fgh"]
    assert answer.reason == "tool_calls"


def test_usage_is_cumulative_and_the_last_one_counts():
    frames = [
        {**frame({"text": "a"}), "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": count}}
        for count in (1, 1, 9)
    ]
    assert sum(isinstance(delta, Counted) for delta in read(*frames)) == 2
    assert collected(*frames).usage == Usage(5, 9)


def test_a_signature_may_come_on_a_text_or_after_it_and_no_other_text_joins_it():
    first = frame({"text": "a", "thoughtSignature": "x"})
    answer = collected(first, frame({"text": "b"}), frame({"text": "", "thoughtSignature": "y"}))
    x, y = Signature("x", "google"), Signature("y", "google")
    assert answer.parts == (Text("a", signature=x), Text("b", signature=y))


def test_a_signature_after_no_text_is_a_thought_of_its_own():
    answer = collected(
        frame({"functionCall": {"name": "f"}}), frame({"text": "", "thoughtSignature": "x"}, finishReason="STOP")
    )
    assert answer.parts[1] == Thinking(signature=Signature("x", "google"))


def test_a_signature_on_a_call_comes_with_it():
    answer = collected(frame({"functionCall": {"name": "f"}, "thoughtSignature": "x"}))
    assert answer.tool_calls[0].signature == Signature("x", "google")


def test_thoughts_are_apart_from_texts():
    answer = collected(frame({"text": "hm", "thought": True}), frame({"text": "so"}))
    assert answer.parts == (Thinking("hm"), Text("so"))


def test_arguments_that_vertex_streams_arrive_as_they_come():
    pieces = [
        {"name": "f", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True},
        {},
    ]
    frames = [frame({"functionCall": piece}) for piece in pieces]
    deltas = read(*frames, frame({"text": ""}, finishReason="STOP"))
    assert [delta.text for delta in deltas if isinstance(delta, Appended)] == ['{"a":"x', 'y"', "}"]
    assert Answer.collect(deltas).tool_calls == (ToolCall(None, "f", '{"a":"xy"}'),)


def test_streamed_arguments_that_nobody_ended_end_with_the_answer():
    first = frame({"functionCall": {"name": "f", "willContinue": True}}, finishReason="STOP")
    assert collected(first).tool_calls == (ToolCall(None, "f", "{}"),)


def test_a_blocked_prompt_is_content_filter():
    answer = collected({"promptFeedback": {"blockReason": "SAFETY"}, **HEAD})
    assert (answer.reason, answer.parts) == ("content_filter", ())


def test_several_candidates_are_told_apart():
    other = {"content": {"parts": [{"text": "b"}]}, "index": 1, "finishReason": "MAX_TOKENS"}
    answer = collected(frame({"text": "a"}), {"candidates": [other]})
    assert [choice.text for choice in answer.choices] == ["a", "b"]
    assert answer.choices[1].reason == "length"


def test_what_a_frame_says_besides_is_an_aside():
    deltas = read(frame({"text": "a"}, safetyRatings=[1]), {**frame({"text": "b"}), "modelStatus": "x"})
    asides = [delta.value for delta in deltas if isinstance(delta, Aside)]
    assert asides == [{"candidates": [{"index": 0, "safetyRatings": [1]}]}, {"modelStatus": "x"}]


# Writing.


def test_text_leaves_at_once_and_the_end_with_the_usage_that_comes_after_it():
    asked = request({"alt": "sse"})
    writer = asked.client_dialect.writer(asked)
    assert list(writer.write(Start())) == []
    (first,) = writer.write(Appended(0, "hel"))
    assert first.json()["candidates"][0]["content"]["parts"] == [{"text": "hel"}]
    assert list(writer.write(End("length"))) == list(writer.write(Counted(Usage(5, 7)))) == []
    (last,) = writer.finish()
    assert last.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert last.json()["usageMetadata"] == {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}


def test_every_frame_says_who_answers_and_holds_one_candidate():
    frames = written(Start(), Appended(0, "a"), Counted(Usage(5)), Appended(0, "b"), End("stop"))
    assert [(each["modelVersion"], each["responseId"]) for each in frames] == [("gemini-2.5-flash", "req-1")] * 3
    assert [each.get("usageMetadata", {}).get("promptTokenCount") for each in frames] == [None, 5, 5]


def test_a_call_is_whole_since_google_s_clients_know_no_pieces():
    frames = written(
        Opened(0, ToolCall("call_1", "f")),
        Opened(1, ToolCall("call_2", "g", signature=Signature("x", "google"))),
        Appended(1, "{}"),
        Appended(0, '{"a":'),
        Appended(0, "1}"),
        Closed(0),
        Closed(1),
        End("tool_calls"),
    )
    assert parts_in(frames) == [
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "call_1"}},
        {"functionCall": {"name": "g", "args": {}, "id": "call_2"}, "thoughtSignature": "x"},
        {"text": ""},
    ]


def test_what_is_appended_to_a_part_of_another_dialect_s_is_no_text():
    tool = Other("anthropic.messages", {"type": "server_tool_use", "name": "web_search"})
    frames = written(Opened(0, tool), Appended(0, '{"query": "x"}'), Closed(0), Opened(1, Text()), Appended(1, "hi"))
    assert [part["text"] for part in parts_in(frames) if part["text"]] == ["hi"]


def test_thoughts_pictures_and_refusals_are_written():
    frames = written(
        Opened(0, Thinking()),
        Appended(0, "hm"),
        Signed(0, Signature("x", "google")),
        Opened(1, Image(Source("image/png", data="AAAA"))),
        Opened(2, Refusal()),
        Appended(2, "no"),
        Opened(3, Thinking()),
        Signed(3, Signature("y", "google")),
    )
    assert parts_in(frames) == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "x"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"text": "no"},
        {"text": "", "thoughtSignature": "y"},
    ]


def test_a_thought_that_another_vendor_signed_or_hid_comes_back_with_the_next_turn():
    seal = Signature("sig", "anthropic")
    frames = written(
        Opened(0, Thinking()), Appended(0, "hm"), Signed(0, seal), Opened(1, Thinking(redacted=seal)), End("stop")
    )
    turn = {"role": "model", "parts": parts_in(frames)}
    chat = GeminiGenerateClient().read_request({"contents": [turn]})
    assert chat.messages[0].parts == (Thinking("hm", seal), Thinking(redacted=seal))


def test_probabilities_stand_in_the_frame_of_their_text():
    (first, _) = written(Appended(0, "a", logprobs=(TokenLogprob("a", -0.5),)), End("stop"))
    chosen = [{"token": "a", "logProbability": -0.5}]
    assert first["candidates"][0]["logprobsResult"] == {"chosenCandidates": chosen}


def test_a_blocked_prompt_ends_without_a_candidate():
    feedback = {"promptFeedback": {"blockReason": "SAFETY"}, **HEAD}
    assert written(*read(feedback)) == [feedback]


def test_what_frames_said_besides_is_said_again():
    frames = [frame({"text": "a"}, safetyRatings=[1]), frame({"text": "b"}, finishReason="STOP", groundingMetadata={})]
    first, second, last = written(*read(*frames))
    assert first == frames[0]
    assert "safetyRatings" not in second["candidates"][0]
    assert last["candidates"][0]["groundingMetadata"] == {}


# Without alt=sse.


def elements(*deltas, error=None):
    asked = request({})
    client = asked.client_dialect
    raw = b"".join(event.raw for event in client.write_stream(deltas, asked) if event is not PAUSE)
    return raw, client


def test_a_stream_not_asked_for_as_events_is_one_json_array():
    raw, client = elements(Start(), Appended(0, "a"), PAUSE, Appended(0, "b"), End("stop"))
    assert client.stream_type == "application/json"
    assert [part["text"] for part in parts_in(json.loads(raw))] == ["a", "b", ""]


def test_elements_of_an_array_leave_as_they_come():
    asked = request({})
    events = asked.client_dialect.write_stream(iter([Appended(0, "a"), PAUSE, Appended(0, "b")]), asked)
    first, pause, second, end = events
    assert first.raw.startswith(b'[{"candidates"')
    assert pause is PAUSE
    assert second.raw.startswith(b",\r\n{")
    assert second.json()["candidates"][0]["content"]["parts"] == [{"text": "b"}]
    assert end.raw == b"]"


def test_an_array_of_nothing_is_an_array():
    assert json.loads(elements()[0]) == []


def test_an_error_in_an_array_is_its_last_element():
    asked = request({})
    client = asked.client_dialect
    (first, *_) = client.write_stream([Appended(0, "a")], asked)
    rest = b"".join(event.raw for event in client.error_events(ProviderUnavailable(), asked.context))
    assert json.loads(first.raw + rest)[1]["error"]["status"] == "UNAVAILABLE"


def test_an_error_before_any_element_is_an_array_too():
    asked = request({})
    raw = b"".join(event.raw for event in asked.client_dialect.error_events(ProviderUnavailable(), asked.context))
    assert [each["error"]["code"] for each in json.loads(raw)] == [503]


def test_an_array_is_kept_open_with_white_space():
    client = request({}).client_dialect
    assert json.loads(client.keepalive + b"[]" + client.keepalive) == []


def test_what_an_upstream_sends_as_events_is_written_as_elements():
    assert request({}).client_dialect.name != request({"alt": "sse"}).client_dialect.name == NAME
