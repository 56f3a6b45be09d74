from llmproxy.dialects.extra import given, keep, keep_within, kept, lay_over


def test_what_is_not_known_is_kept():
    assert keep("d", {"a": 1, "b": 2, "c": None}, ("a",)) == {"d": {"b": 2, "c": None}}


def test_nothing_is_kept_where_all_is_known():
    assert keep("d", {"a": 1}, ("a",)) == {}


def test_members_that_are_none_are_not_kept():
    assert (kept("d", a=1, b=None), kept("d", a=None)) == ({"d": {"a": 1}}, {})


def test_what_was_kept_is_laid_over_at_every_depth():
    written = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}
    assert lay_over(written, {"d": {"b": {"c": 4}, "e": [2], "f": 5}}, "d") == {
        "a": 1, "b": {"c": 4, "d": 3}, "e": [2], "f": 5,
    }  # fmt: skip


def test_another_dialects_members_are_not_laid_over():
    assert lay_over({"a": 1}, {"other": {"a": 2}}, "d") == {"a": 1}


def test_laying_over_leaves_what_was_kept_as_it_was():
    extra = {"d": {"b": {"c": 4}}}
    lay_over({"b": {"d": 1}}, extra, "d")["b"]["x"] = 1
    assert extra == {"d": {"b": {"c": 4}}}


def test_what_nobody_said_is_not_given():
    assert given(a=None, b=(), c=0, d=False, e="") == {"c": 0, "d": False, "e": ""}


def test_what_an_inner_object_says_besides_is_kept_in_its_place():
    said = {"id": 1, "cost": 2, "function": {"name": "f", "examples": []}}
    assert keep_within("d", said, ("id",), "function", ("name",)) == {"d": {"cost": 2, "function": {"examples": []}}}
    assert keep_within("d", {"id": 1, "function": {"name": "f"}}, ("id",), "function", ("name",)) == {}
