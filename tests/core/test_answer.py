import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.answer import (
    Answer,
    Appended,
    Aside,
    Choice,
    Closed,
    Counted,
    End,
    Opened,
    Signed,
    Start,
    Usage,
)
from llmproxy.core.chat import (
    Audio,
    Image,
    Other,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
)

COUNTS = st.none() | st.integers(0, 10**9)
EXTRA = st.dictionaries(st.sampled_from(["a", "b"]), st.just({"x": 1}))
SIGNATURES = st.none() | st.builds(Signature, st.text(), st.sampled_from(["anthropic", "google"]))
LOGPROBS = st.lists(st.builds(TokenLogprob, st.text(), st.just(-0.5)), max_size=2).map(tuple)
# Where there is no text nothing is appended, so there is nothing that probabilities could come with.
TEXTS = st.builds(Text, st.text(min_size=1), signature=SIGNATURES, logprobs=LOGPROBS, extra=EXTRA)
PARTS = st.one_of(
    TEXTS,
    st.builds(Refusal, st.text(), EXTRA),
    st.builds(Thinking, st.text(), SIGNATURES, SIGNATURES, EXTRA),
    st.builds(ToolCall, st.none() | st.text(), st.text(), st.text(), SIGNATURES, extra=EXTRA),
    st.builds(Image, st.builds(Source, url=st.text())),
    st.builds(Audio, st.builds(Source, data=st.text())),
    st.builds(Other, st.just("a"), st.just({"type": "x"}), st.text()),
)
REASONS = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "error"])
CHOICES = st.builds(Choice, st.lists(PARTS, max_size=4).map(tuple), REASONS, st.none() | st.text(), EXTRA)
ANSWERS = st.builds(
    Answer,
    st.lists(CHOICES, min_size=1, max_size=3).map(tuple),
    st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, EXTRA),
    st.none() | st.text(),
    st.none() | st.text(),
    st.lists(st.builds(Aside, st.just("a"), st.just({"x": 1})), max_size=2).map(tuple),
    EXTRA,
)


@given(ANSWERS)
def test_an_answer_that_is_played_is_collected_again(answer):
    assert Answer.collect(answer.play()) == answer


def test_an_answer_is_played_from_its_start_to_its_end():
    assert list(Answer.of("hi", reason="length", usage=Usage(1, 2)).play()) == [
        Start(), Opened(0, Text()), Appended(0, "hi"), Closed(0), Counted(Usage(1, 2)), End("length"),
    ]  # fmt: skip


def test_a_thought_is_signed_before_it_is_closed():
    signature = Signature("s", "anthropic")
    assert list(Answer.of(Thinking("hm", signature)).play())[1:5] == [
        Opened(0, Thinking()), Appended(0, "hm"), Signed(0, signature), Closed(0),
    ]  # fmt: skip


def test_the_text_of_an_answer_is_that_of_all_its_parts():
    assert Answer.of("a", Thinking("hm"), "b").text == "ab"


def test_an_answer_tells_its_thoughts_and_calls():
    answer = Answer.of(Thinking("hm"), ToolCall("1", "f"), "b", ToolCall("2", "g"), reason="tool_calls")
    assert (answer.thinking, [call.id for call in answer.tool_calls], answer.reason) == ("hm", ["1", "2"], "tool_calls")


def test_choices_are_told_apart():
    said = [Appended(0, "a"), Appended(0, "b", choice=1), End("length", choice=1), End("stop")]
    first, second = Answer.collect(said).choices
    assert (first.text, first.reason, second.text, second.reason) == ("a", "stop", "b", "length")


def test_parts_are_collected_piece_by_piece():
    said = [Opened(0, Text("a")), Appended(0, "b"), Opened(1, Text()), Appended(1, "c"), Appended(0, "d")]
    assert Answer.collect(said).parts == (Text("abd"), Text("c"))


def test_a_part_need_not_be_opened():
    assert Answer.collect([Appended(0, "hi")]).text == "hi"


@pytest.mark.parametrize("deltas", [[], [Start()]])
def test_an_answer_may_say_nothing(deltas):
    assert Answer.collect(deltas) == Answer.of()


def test_the_last_count_replaces_the_ones_before():
    assert Answer.collect([Counted(Usage(1, 1)), Counted(Usage(2, 2))]).usage == Usage(2, 2)


def test_a_later_count_keeps_what_it_does_not_say():
    assert Usage(output=2).over(Usage(1, 1, cached=1)) == Usage(1, 2, cached=1)
    assert Usage(0, 2).over(Usage(1, 1)) == Usage(0, 2)
    assert Usage(1).over(None) == Usage(1)
