import pytest

from llmproxy import (
    Answer,
    Appended,
    Closed,
    Counted,
    End,
    Opened,
    Signature,
    Signed,
    Start,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from llmproxy.providers.speech import Speech


def steps(*said):
    speech = Speech()
    return [delta for each in said for delta in speech.deltas(each)] + list(speech.ending())


def test_texts_that_follow_each_other_are_one_part():
    assert steps("a", "b") == [
        Start(),
        Opened(0, Text()),
        Appended(0, "a"),
        Appended(0, "b"),
        Closed(0),
        End("stop"),
    ]


def test_nothing_said_is_an_answer_without_parts():
    assert steps() == [Start(), End("stop")]


def test_a_part_ends_the_text_before_it_and_the_text_after_it_is_another():
    said = steps("a", Opened(0, Thinking()), Appended(0, "hm"), Closed(0), "b")
    assert [part.text for part in Answer.collect(said).parts] == ["a", "hm", "b"]
    assert [delta.index for delta in said if isinstance(delta, Closed)] == [0, 1, 2]


def test_an_index_is_the_generators_own_name_for_a_part():
    said = steps(Opened(7, Thinking()), Opened(3, ToolCall("c1", "look_up")), Appended(3, "{}"))
    assert [delta.index for delta in said if isinstance(delta, Opened)] == [0, 1]
    assert Answer.collect(said).tool_calls == (ToolCall("c1", "look_up", "{}"),)


def test_an_index_that_is_used_again_is_another_part():
    said = steps(Opened(0, ToolCall("c1", "a", "{}")), Opened(0, ToolCall("c2", "b", "{}")))
    assert [call.id for call in Answer.collect(said).tool_calls] == ["c1", "c2"]


def test_a_part_that_goes_on_after_another_is_of_its_own_kind():
    said = steps(Opened(0, Thinking("so")), "a", Appended(0, " on"))
    assert [type(part) for part in Answer.collect(said).parts] == [Thinking, Text, Thinking]
    assert Answer.collect(said).thinking == "so on"


def test_more_of_a_part_that_nobody_opened_is_text():
    assert Answer.collect(steps(Appended(4, "a"))).text == "a"


def test_a_signature_goes_with_its_part():
    signature = Signature("sealed", "acme")
    said = steps(Opened(0, Thinking()), Appended(0, "hm"), Signed(0, signature))
    assert Answer.collect(said).parts == (Thinking("hm", signature),)


@pytest.mark.parametrize(("said", "reason"), [(["a"], "stop"), ([Opened(0, ToolCall("c1", "a"))], "tool_calls")])
def test_a_reason_that_nobody_gave_is_the_usual_one(said, reason):
    assert Answer.collect(steps(*said)).reason == reason


def test_a_reason_that_was_given_counts_once_and_nothing_after_it_but_usage():
    said = steps("a", End("length"), "b", End("stop"), Counted(Usage(1, 2)))
    assert said[-3:] == [Closed(0), End("length"), Counted(Usage(1, 2))]


def test_each_choice_has_its_parts_and_its_end():
    said = steps("a", Opened(0, Text("b"), 1), End("length", 1))
    assert [(choice.text, choice.reason) for choice in Answer.collect(said).choices] == [("a", "stop"), ("b", "length")]


def test_a_beginning_of_its_own_is_kept():
    assert steps(Start("id-1", "m"), "a")[:2] == [Start("id-1", "m"), Opened(0, Text())]


@pytest.mark.parametrize("said", [None, b"a", 1, {"text": "a"}, Text("a"), Appended(0, 1), Counted(None), End(3)])
def test_what_is_neither_a_text_nor_a_delta_is_refused(said):
    with pytest.raises(TypeError):
        steps(said)
