from llmproxy.core.answer import Appended, Closed, Opened, Signed
from llmproxy.core.chat import Image, Signature, Source, Text, Thinking, ToolCall
from llmproxy.dialects.borders import Borders


def test_a_part_is_opened_once_and_closed_by_another_kind():
    borders = Borders()
    said = [
        *borders.append("thinking", Thinking(), "a"),
        *borders.append("thinking", Thinking(), "b"),
        *borders.append("text", Text(), "c"),
        *borders.close_all(),
    ]
    assert said == [
        Opened(0, Thinking()), Appended(0, "a"), Appended(0, "b"), Closed(0),
        Opened(1, Text()), Appended(1, "c"), Closed(1),
    ]  # fmt: skip


def test_a_call_closes_a_text():
    borders = Borders()
    list(borders.append("text", Text(), "a"))
    assert list(borders.open("call", ToolCall("1", "f"))) == [Closed(0), Opened(1, ToolCall("1", "f"))]


def test_a_call_with_whole_arguments_is_closed_by_the_next():
    borders = Borders()
    list(borders.append(("call", 0), ToolCall("1", "f"), '{"a":'))
    list(borders.append(("call", 0), ToolCall(), "1}"))
    assert list(borders.open(("call", 1), ToolCall("2", "g"))) == [Closed(0), Opened(1, ToolCall("2", "g"))]


def test_calls_that_are_written_side_by_side_stay_open():
    borders = Borders()
    list(borders.append(("call", 0), ToolCall("1", "f"), '{"a":'))
    list(borders.append(("call", 1), ToolCall("2", "g"), '{"b":'))
    assert list(borders.append(("call", 0), ToolCall(), "1}")) == [Appended(0, "1}")]
    assert list(borders.close_all()) == [Closed(0), Closed(1)]


def test_an_empty_piece_opens_a_part_and_appends_nothing():
    assert list(Borders().append("text", Text(), "")) == [Opened(0, Text())]


def test_a_signature_opens_the_part_that_it_signs():
    signature = Signature("s", "anthropic")
    assert list(Borders(2).sign("t", Thinking(), signature)) == [Opened(0, Thinking(), 2), Signed(0, signature, 2)]


def test_a_part_that_comes_in_one_piece_is_closed_at_once():
    image = Image(Source(url="u"))
    borders = Borders()
    list(borders.append("text", Text(), "a"))
    assert list(borders.whole(image)) == [Closed(0), Opened(1, image), Closed(1)]
    assert list(borders.append("text", Text(), "b")) == [Opened(2, Text()), Appended(2, "b")]


def test_what_is_not_open_cannot_be_closed():
    assert list(Borders().close("text")) == []
