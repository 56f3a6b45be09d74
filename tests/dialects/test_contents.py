import pytest

from llmproxy.core.chat import Text
from llmproxy.core.errors import ParseError
from llmproxy.dialects.contents import as_content, read_parts, string

HI = {"type": "text", "text": "hi"}


def read(content, **options):
    return list(read_parts(content, "content", lambda part: Text(part["text"]), **options))


def test_a_content_is_a_string_a_list_or_null():
    assert read("hi") == read([HI]) == read(["hi"]) == [Text("hi")]
    assert read(None) == read([]) == []


def test_a_string_is_a_part_of_the_dialects_type_of_text():
    assert list(read_parts("hi", "content", dict, "input_text")) == [{"type": "input_text", "text": "hi"}]


@pytest.mark.parametrize("part", [{}, {"type": "text"}, 5, None, []])
def test_a_part_that_cannot_be_read_is_named_by_its_place(part):
    with pytest.raises(ParseError) as caught:
        read([HI, part])
    assert caught.value.param == "content.1"


@pytest.mark.parametrize("content", [5, True, {"a": "b"}])
def test_what_is_no_content_is_none(content):
    with pytest.raises(TypeError):
        read(content)


def test_nothing_but_one_text_is_a_string():
    assert as_content([HI]) == "hi"
    assert as_content([HI, HI]) == [HI, HI]
    assert as_content([{**HI, "cache_control": {}}]) == [{**HI, "cache_control": {}}]


def test_what_should_be_a_string_is_one_or_refused():
    assert string("") == ""
    with pytest.raises(TypeError):
        string(5)
