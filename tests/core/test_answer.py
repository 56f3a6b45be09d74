import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.answer import Answer, Appended, Closed, Counted, End, Opened, Start, Text, Usage

COUNTS = st.none() | st.integers(0, 10**9)
ANSWERS = st.builds(
    Answer,
    st.lists(st.builds(Text, st.text()), max_size=4).map(tuple),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS),
)


@given(ANSWERS)
def test_an_answer_that_is_played_is_collected_again(answer):
    assert Answer.collect(answer.play()) == answer


def test_an_answer_is_played_from_its_start_to_its_end():
    assert list(Answer((Text("hi"),), "length", Usage(1, 2)).play()) == [
        Start(), Opened(0, Text()), Appended(0, "hi"), Closed(0), Counted(Usage(1, 2)), End("length"),
    ]  # fmt: skip


def test_the_text_of_an_answer_is_that_of_all_its_parts():
    assert Answer((Text("a"), Text("b"))).text == "ab"


def test_parts_are_collected_piece_by_piece():
    said = [Opened(0, Text("a")), Appended(0, "b"), Opened(1, Text()), Appended(1, "c"), Appended(0, "d")]
    assert Answer.collect(said).parts == (Text("abd"), Text("c"))


def test_a_part_need_not_be_opened():
    assert Answer.collect([Appended(0, "hi")]).text == "hi"


@pytest.mark.parametrize("deltas", [[], [Start()]])
def test_an_answer_may_say_nothing(deltas):
    assert Answer.collect(deltas) == Answer(())


def test_the_last_count_replaces_the_ones_before():
    assert Answer.collect([Counted(Usage(1, 1)), Counted(Usage(2, 2))]).usage == Usage(2, 2)
