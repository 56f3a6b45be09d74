from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.answer import Answer, Appended, Closed, Counted, End, Opened, Signed, Start, Usage
from llmproxy.core.chat import Signature, Text, Thinking, ToolCall
from llmproxy.core.sse import Event
from llmproxy.dialects.serial import SerialWriter


class Recorder(SerialWriter):
    """Writes every step as an event that holds it, with the place of its part."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def note(self, delta):
        self.steps.append((self.place, delta))
        return (Event(b"x"),)

    start = opened = appended = signed = closed = counted = end = note


def steps(*deltas):
    writer = Recorder()
    for delta in deltas:
        list(writer.write(delta))
    return writer.steps


def test_steps_in_order_pass_as_they_come():
    said = list(Answer.of(Thinking("a", Signature("s", "anthropic")), "b", ToolCall("1", "f", "{}")).play())
    assert [delta for _, delta in steps(*said)] == said


def test_a_later_part_waits_until_the_earlier_one_has_ended():
    said = steps(
        Opened(0, ToolCall("1", "f")),
        Opened(1, ToolCall("2", "g")),
        Appended(1, "{}"),
        Appended(0, "{}"),
        Closed(1),
        Closed(0),
        End("tool_calls"),
    )
    assert said == [
        (0, Opened(0, ToolCall("1", "f"))), (0, Appended(0, "{}")), (0, Closed(0)),
        (1, Opened(1, ToolCall("2", "g"))), (1, Appended(1, "{}")), (1, Closed(1)),
        (1, End("tool_calls")),
    ]  # fmt: skip


def test_a_part_that_has_waited_goes_on_when_it_is_its_turn():
    said = steps(Opened(0, Text()), Opened(1, Text()), Closed(0), Appended(1, "a"))
    assert said[-2:] == [(1, Opened(1, Text())), (1, Appended(1, "a"))]


def test_places_are_counted_without_gaps():
    assert [place for place, delta in steps(Opened(4, Text()), Closed(4), Opened(7, Text()), Closed(7))] == [0, 0, 1, 1]


def test_a_part_that_nobody_opened_is_a_text():
    assert steps(Appended(0, "a")) == [(0, Opened(0, Text())), (0, Appended(0, "a"))]


def test_the_end_closes_what_nobody_closed():
    said = steps(Opened(0, Text()), Opened(1, Text()), Appended(1, "b"), End("stop"))
    assert [delta for _, delta in said] == [
        Opened(0, Text()), Closed(0), Opened(1, Text()), Appended(1, "b"), Closed(1), End("stop"),
    ]  # fmt: skip


def test_the_first_choice_alone_is_said():
    said = steps(Start(), Opened(0, Text(), 1), Appended(0, "a", 1), Closed(0, 1), End("stop", 1), Counted(Usage(1)))
    assert [delta for _, delta in said] == [Start(), Counted(Usage(1))]


@given(st.permutations([Opened(0, Text()), Appended(0, "a"), Signed(0, Signature("s", "google")), Closed(0)]))
def test_steps_in_no_order_do_not_hang_the_writer(deltas):
    said = [delta for _, delta in steps(*deltas, Opened(1, Text()), Closed(1), End("stop"))]
    assert said[-1] == End("stop")
    assert Appended(0, "a") in said
