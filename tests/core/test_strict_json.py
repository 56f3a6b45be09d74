import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.strict_json import MAX_DEPTH, DuplicateKey, dumps, loads

# Surrogates that stand alone, too: `st.text()` leaves them out.
TEXT = st.text(st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, true, null, "x"]}\n', {"a": [1, 2.5, True, None, "x"]}),
        (b"7", 7),
        (b'"\\u0000"', "\0"),
        (b'"\\ud800"', "\ud800"),
        ('"€😀"'.encode(), "€😀"),
        (b"-0.0", 0.0),
        (b"1e308", 1e308),
        (b"9" * 300, int("9" * 300)),
    ],
)
def test_strict_json_is_read(body, value):
    assert loads(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  ", b"{", b"[1,]", b'{"a":1,}', b"{'a':1}", b"{}{}", b"{} x", b"nul", b"// x\n{}", b"{a:1}", b'"a\nb"',
        b'"\t"', b'"\0"', b"+1", b"01", b".5", b"1.", b"0x10", b'"\\x41"', b'"\\u12"', b'{"a" 1}', b"\xc2\xa0{}",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body):
    with pytest.raises(ValueError, match=r"The body is not valid JSON: .* at line \d+, column \d+\."):
        loads(body)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_constants_of_javascript_are_refused(name):
    with pytest.raises(ValueError, match=f"The body holds {name}, which is not JSON"):
        loads(f'{{"temperature": {name}}}'.encode())


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000, b"-" + b"9" * 5000, b"9" * 400 + b".0"])
def test_numbers_beyond_range_are_refused(number):
    with pytest.raises(ValueError, match="The body holds a number beyond the range of JSON"):
        loads(b'{"n": ' + number + b"}")


@pytest.mark.parametrize("body", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', '{"é": 1}'.encode("latin-1")])
def test_what_is_not_utf8_is_refused(body):
    with pytest.raises(ValueError, match=r"The body is not UTF-8 \(byte \d+\)"):
        loads(body)


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_codings_are_refused(coding):
    with pytest.raises(ValueError, match="The body is not"):
        loads('{"a": 1}'.encode(coding))


def test_a_body_may_be_as_deep_as_the_limit():
    assert loads(nested(MAX_DEPTH))


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH + 1),
        nested(MAX_DEPTH + 1, b'{"a":', b"}").replace(b":}", b":1}"),
        b'{"a":' * 40 + nested(40) + b"}" * 40,
        nested(900),
        nested(200_000),
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
    ids=len,
)
def test_a_body_deeper_than_the_limit_is_refused_in_words(body):
    with pytest.raises(ValueError, match=f"nested more than {MAX_DEPTH} levels deep|not valid JSON"):
        loads(body)


def test_a_body_too_deep_for_the_parser_is_called_too_deep():
    with pytest.raises(ValueError, match=f"nested more than {MAX_DEPTH} levels deep"):
        loads(nested(200_000))


def test_brackets_in_strings_and_side_by_side_are_no_depth():
    body = json.dumps(["[" * 500, [[] for _ in range(500)]]).encode()
    assert len(loads(body)[1]) == 500


@pytest.mark.parametrize(
    "body", [b'{"model": "a", "model": "b"}', b'{"a": {"b": 1, "b": 1}}', b'[{"a": 1, "\\u0061": 2}]']
)
def test_a_key_that_stands_twice_is_refused(body):
    with pytest.raises(DuplicateKey):
        loads(body)


def test_keys_that_only_look_alike_are_two():
    assert len(loads('{"\u00e9": 1, "e\u0301": 2}'.encode())) == 2


@pytest.mark.parametrize("body", [b'{"a": canary}', b'{"canary": 1, "canary": 2}', b'["canary", NaN]', b'"canary'])
def test_a_complaint_never_quotes_the_content(body):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is what is looked at
        loads(body)
    assert "canary" not in str(caught.value)


@given(VALUES)
def test_what_was_written_reads_back(value):
    assert loads(dumps(value)) == value


@given(VALUES)
def test_what_is_written_is_ascii(value):
    assert dumps(value).isascii()


@given(st.binary(max_size=60) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_a_value_error(body):
    try:
        value = loads(body)
    except ValueError:
        return
    assert loads(dumps(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_constants_of_javascript_are_never_written(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps(value)


def test_what_is_written_has_no_white_space():
    assert dumps({"a": [1, "é"]}) == b'{"a":[1,"\\u00e9"]}'
