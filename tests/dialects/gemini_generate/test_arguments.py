import json

import pytest

from llmproxy.dialects.gemini_generate.arguments import Arguments


def piece(path, value, *, goes_on=False, kind="stringValue"):
    return {"jsonPath": path, kind: value, **({"willContinue": True} if goes_on else {})}


def text_of(*pieces):
    arguments = Arguments()
    return "".join([*map(arguments.add, pieces), arguments.finish()])


def test_a_text_in_pieces_is_said_piece_by_piece():
    arguments = Arguments()
    assert arguments.add(piece("$.location", "Bos", goes_on=True)) == '{"location":"Bos'
    assert arguments.add(piece("$.location", "ton", goes_on=True)) == "ton"
    assert arguments.add(piece("$.location", "")) == '"'
    assert arguments.finish() == "}"


def test_a_text_that_nobody_ended_is_ended():
    assert text_of(piece("$.a", 'x"\n', goes_on=True)) == '{"a":"x\\"\\n"}'
    assert text_of(piece("$.a", "x", goes_on=True), piece("$.b", "y")) == '{"a":"x","b":"y"}'


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("numberValue", 5.0, "5"),
        ("numberValue", 0.5, "0.5"),
        ("boolValue", False, "false"),
        ("nullValue", "NULL_VALUE", "null"),
    ],
)
def test_other_values_come_at_once(kind, value, text):
    assert text_of(piece("$.a", value, kind=kind)) == f'{{"a":{text}}}'


def test_objects_and_lists_open_and_close_with_their_paths():
    text = text_of(
        piece("$.a.b[0].c", "1"),
        piece("$.a.b[0].d", "2"),
        piece("$.a.b[1].c", "3"),
        piece("$.a.e", "4"),
        piece("$.f[0]", "5"),
        piece("$.f[1]", "6"),
    )
    inner = {"b": [{"c": "1", "d": "2"}, {"c": "3"}], "e": "4"}
    assert json.loads(text) == {"a": inner, "f": ["5", "6"]}


def test_names_that_are_no_words_stand_in_quotes():
    text = text_of(piece("$['a b']", "1"), piece("$[\"c.d\"]['e\\'f']", "2"))
    assert json.loads(text) == {"a b": "1", "c.d": {"e'f": "2"}}


def test_no_pieces_are_no_arguments():
    assert text_of() == "{}"
