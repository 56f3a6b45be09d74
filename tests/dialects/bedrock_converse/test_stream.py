import base64
import json

import pytest
from eventstreams import message

from llmproxy.core.answer import Answer, Appended, Aside, Closed, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Image, Other, Signature, Source, Text, Thinking, ToolCall
from llmproxy.core.errors import ProviderError
from llmproxy.core.signs import Signs
from llmproxy.core.sse import PAUSE, Event
from llmproxy.dialects.bedrock_converse import BedrockConverseProvider

NAME = "bedrock.converse"
DIALECT = BedrockConverseProvider()

START = message("messageStart", {"role": "assistant", "p": "abc"})
STOP = message("messageStop", {"stopReason": "end_turn", "p": "abc"})
METADATA = message("metadata", {"usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}, "p": "abc"})


def delta(index, **piece):
    return message("contentBlockDelta", {"contentBlockIndex": index, "delta": piece, "p": "abcdef"})


def start(index, **block):
    return message("contentBlockStart", {"contentBlockIndex": index, "start": block})


def stop(index):
    return message("contentBlockStop", {"contentBlockIndex": index})


def events_of(*messages):
    return [event for event in DIALECT.decode([b"".join(messages)]) if event is not PAUSE]


def said(*messages):
    read = DIALECT.reader()
    return [each for event in events_of(*messages) for each in read(event)]


def test_a_text_begins_with_its_first_piece():
    assert said(START, delta(0, text="a"), delta(0, text="b"), stop(0)) == [
        Start(),
        Opened(0, Text()),
        Appended(0, "a"),
        Appended(0, "b"),
        Closed(0),
    ]


def test_a_thought_begins_with_its_first_piece_and_its_signature_follows():
    pieces = [delta(0, reasoningContent={"text": "hm"}), delta(0, reasoningContent={"signature": "c2ln"}), stop(0)]
    assert said(START, *pieces) == [
        Start(),
        Opened(0, Thinking()),
        Appended(0, "hm"),
        Signed(0, Signature("c2ln", "anthropic")),
        Closed(0),
    ]


def test_an_encrypted_thought_comes_whole():
    assert said(START, delta(0, reasoningContent={"redactedContent": "RXU4RUNrZ0k="}), stop(0))[1:] == [
        Opened(0, Thinking(redacted=Signature("Eu8ECkgI", "anthropic"))),
        Closed(0),
    ]


def test_a_call_says_where_it_begins_and_its_arguments_follow():
    opening = start(1, toolUse={"toolUseId": "t1", "name": "add", "type": "tool_use"})
    pieces = [delta(1, toolUse={"input": '{"a"'}), delta(1, toolUse={"input": ":1}"})]
    assert said(START, opening, *pieces, stop(1))[1:] == [
        Opened(0, ToolCall("t1", "add")),
        Appended(0, '{"a"'),
        Appended(0, ":1}"),
        Closed(0),
    ]


def test_parallel_calls_are_parts_of_their_own():
    calls = [start(1, toolUse={"toolUseId": "t1", "name": "a"}), delta(1, toolUse={"input": "{}"}), stop(1)]
    calls += [start(2, toolUse={"toolUseId": "t2", "name": "b"}), delta(2, toolUse={"input": "{}"}), stop(2)]
    answer = Answer.collect(said(START, delta(0, text="I call"), *calls, STOP))
    assert answer.parts == (Text("I call"), ToolCall("t1", "a", "{}"), ToolCall("t2", "b", "{}"))


def test_a_text_that_nobody_closed_is_closed_by_what_follows():
    deltas = said(START, delta(0, text="a"), start(1, toolUse={"toolUseId": "t1", "name": "a"}), STOP)
    assert [each.index for each in deltas if isinstance(each, Closed)] == [0, 1]


def test_usage_comes_after_the_end_of_the_message():
    assert said(START, STOP, METADATA)[1:] == [End("stop"), Counted(Usage(5, 7))]


def test_padding_is_nowhere():
    assert "abc" not in repr(said(START, delta(0, text="x"), STOP, METADATA))


def test_a_stream_that_forgets_its_beginning_begins_all_the_same():
    assert said(delta(0, text="a"))[0] == Start()


def test_an_empty_piece_of_text_says_nothing():
    assert said(START, delta(0, text="a"), delta(0, text=""))[1:] == [Opened(0, Text()), Appended(0, "a")]


def test_the_text_that_ended_it_is_read():
    fields = {"delta": {"stop_sequence": "END"}}
    end = message("messageStop", {"stopReason": "stop_sequence", "additionalModelResponseFields": fields})
    assert said(START, end)[-1] == End("stop", stop_sequence="END", extra={NAME: {"stopReason": "stop_sequence"}})


def test_a_tool_that_the_model_runs_itself_is_no_call_of_the_clients():
    use = {"toolUse": {"toolUseId": "t1", "name": "nova_code_interpreter", "type": "server_tool_use"}}
    result = {"toolResult": {"toolUseId": "t1", "status": "success"}}
    pieces = [start(0, **use), delta(0, toolUse={"input": "{}"}), stop(0)]
    pieces += [start(1, **result), delta(1, toolResult=[{"json": {"a": 1}}]), stop(1)]
    answer = Answer.collect(said(START, *pieces, STOP))
    assert answer.parts == (Other(NAME, use, "{}"), Other(NAME, result, '[{"json":{"a":1}}]'))


def test_a_picture_in_pieces_is_one_picture():
    pieces = [delta(0, image={"source": {"bytes": base64.b64encode(piece).decode()}}) for piece in (b"ab", b"cd")]
    deltas = said(START, start(0, image={"format": "png"}), *pieces, stop(0))
    assert deltas[1] == Opened(0, Image(Source("image/png", data=base64.b64encode(b"abcd").decode())))


def test_citations_and_events_of_a_kind_to_come_are_asides():
    cited = {"contentBlockIndex": 0, "delta": {"citation": {"title": "t"}}}
    assert said(START, message("contentBlockDelta", cited))[1:] == [Aside(NAME, {"contentBlockDelta": cited})]
    assert said(START, message("newEvent", {"a": 1}))[1:] == [Aside(NAME, {"newEvent": {"a": 1}})]


def test_what_the_metadata_say_besides_is_an_aside():
    metadata = message("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}, "trace": {"guardrail": {}}})
    assert said(START, STOP, metadata)[-1] == Aside(NAME, {"metadata": {"trace": {"guardrail": {}}}})


# What a relay needs to know.


def signs(raw):
    return DIALECT.signs(events_of(raw)[0], False)


def test_an_answer_is_whole_with_its_stop_and_ends_with_its_metadata():
    assert [signs(raw) for raw in (START, delta(0, text="a"), STOP)] == [Signs(), Signs(), Signs(finished=True)]
    assert signs(METADATA) == Signs(Usage(5, 7), terminal=True)


@pytest.mark.parametrize("kind", ["exception", "error"])
def test_an_exception_in_a_stream_is_an_error_of_its_kind(kind):
    event = events_of(message("throttlingException", {"message": "slow"}, kind=kind))[0]
    assert DIALECT.signs(event, False) == Signs(error=True)
    assert DIALECT.read_error(200, {}, event.data).code == "upstream_rate_limited"


@pytest.mark.parametrize("payload", [b"", b"text", b"[]", b"null"])
def test_a_payload_that_is_no_object_is_refused(payload):
    with pytest.raises(ValueError, match=r"JSON|object"):
        signs(message("contentBlockDelta", payload))


def test_half_a_message_is_no_event():
    event = events_of(START[:-3])[0]
    with pytest.raises(ValueError, match="not JSON"):
        DIALECT.signs(event, False)


def test_a_broken_message_is_a_bad_answer():
    with pytest.raises(ProviderError) as caught:
        events_of(START[:-1] + b"\0")
    assert caught.value.code == "upstream_bad_response"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"output": {}, "usage": {"inputTokens": 5, "outputTokens": 7}}, Signs(Usage(5, 7), True, True)),
        ({"output": {}}, Signs(finished=True, terminal=True)),
        ({"message": "no"}, Signs(error=True)),
        ({"__type": "ValidationException"}, Signs(error=True)),
    ],
)
def test_a_whole_answer_says_what_it_cost(body, expected):
    assert DIALECT.signs(Event.whole(json.dumps(body).encode()), True) == expected


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"x"])
def test_a_whole_answer_that_is_none_is_refused(body):
    with pytest.raises(ValueError, match=r"JSON|object|output"):
        DIALECT.signs(Event.whole(body), True)
