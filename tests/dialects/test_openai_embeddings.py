import base64
import json
import struct

import pytest

from llmproxy.core.answer import Answer, Usage, Vector
from llmproxy.core.context import RequestContext
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_embeddings import OpenAIEmbeddingsClient, OpenAIEmbeddingsProvider

NUMBERS = (0.5, -1.25, 3.0)
PACKED = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()


def ask(given="hi", **members):
    body = {"model": "m", "input": given, **members}
    return OpenAIEmbeddingsClient().parse(json.dumps(body).encode(), RequestContext())


def test_an_input_is_needed():
    with pytest.raises(ParseError) as caught:
        OpenAIEmbeddingsClient().parse(b'{"model": "m"}', RequestContext())
    assert caught.value.param == "input"


@pytest.mark.parametrize(("given", "texts"), [("a", ["a"]), (["a", "b"], ["a", "b"]), ([1, 2], []), ([[1], [2]], [])])
def test_the_texts_of_an_input_are_found(given, texts):
    assert list(ask(given).texts()) == texts


@pytest.mark.parametrize(("given", "edited"), [("a", "A"), (["a", "b"], ["A", "B"]), ([1, 2], [1, 2])])
def test_every_text_is_mapped(given, edited):
    assert ask(given).map_texts(str.upper).to_dict()["input"] == edited


@pytest.mark.parametrize(("given", "edited"), [("a", "new"), (["a", "b"], ["a", "new"])])
def test_the_last_input_is_replaced(given, edited):
    assert ask(given).with_last_user_text("new").to_dict()["input"] == edited


def test_tokens_hold_no_text_to_be_replaced():
    with pytest.raises(UnsupportedFeature) as caught:
        ask([1, 2]).with_last_user_text("new")
    assert caught.value.param == "input"


def test_embeddings_are_never_a_stream():
    assert not ask(stream=True).stream


def test_what_embeddings_do_not_have_leaves_them_as_they_are():
    request = ask()
    assert request.with_max_tokens(7).with_system_prompt("s") is request


@pytest.mark.parametrize(
    ("body", "usage", "error"),
    [
        (b'{"data": [], "usage": {"prompt_tokens": 3, "total_tokens": 3}}', Usage(3), False),
        (b'{"data": []}', None, False),
        (b'{"error": {"message": "x"}}', None, True),
    ],
)
def test_the_signs_of_an_answer(body, usage, error):
    signs = OpenAIEmbeddingsProvider().signs(Event.whole(body), whole=True)
    assert (signs.usage, signs.error, signs.terminal) == (usage, error, not error)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"data": {}}', b"<html>"])
def test_an_answer_of_another_kind_has_no_signs(body):
    with pytest.raises(ValueError):  # noqa: PT011  # which of its kinds is nobody's business
        OpenAIEmbeddingsProvider().signs(Event.whole(body), whole=True)


def test_words_are_no_embeddings():
    with pytest.raises(UnsupportedFeature):
        OpenAIEmbeddingsClient().write_answer(Answer(()), ask())
    with pytest.raises(UnsupportedFeature):
        list(OpenAIEmbeddingsClient().write_stream([], ask()))


# The neutral model.


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["a", [3]], ("a", (3,))),
    ],
)
def test_what_is_to_be_embedded_is_text_or_tokens_one_or_several(given, inputs):
    assert ask(given).to_embedding().inputs == inputs


@pytest.mark.parametrize("given", [7, [], [[]], [1, "a"], [True], [1.5], {}, None, [None]])
def test_an_input_of_another_kind_cannot_be_put_in_other_words(given):
    with pytest.raises(ParseError) as caught:
        ask(given).to_embedding()
    assert caught.value.param == "input"


def test_everything_else_is_read():
    embedding = ask("a", dimensions=256, encoding_format="base64", user="u1", input_type="query").to_embedding()
    kept = {"openai.embeddings": {"input_type": "query"}}
    assert embedding == Embedding("m", ("a",), 256, "base64", "u1", kept)


def test_numbers_are_what_comes_unasked_and_an_unknown_encoding_is_refused():
    assert ask("a").to_embedding().encoding == "float"
    with pytest.raises(ParseError) as caught:
        ask("a", encoding_format="int8").to_embedding()
    assert caught.value.param == "encoding_format"


@pytest.mark.parametrize("values", [NUMBERS, PACKED])
@pytest.mark.parametrize(
    ("encoding", "expected"), [("float", list(NUMBERS)), ("base64", PACKED), (None, list(NUMBERS))]
)
def test_a_vector_comes_in_the_encoding_that_was_asked_for(values, encoding, expected):
    request = ask("a", **({"encoding_format": encoding} if encoding else {}))
    body = OpenAIEmbeddingsClient().write_answer(Answer.of(Vector(values), usage=Usage(3)), request)
    assert body == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": expected}],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


def test_vectors_are_read_in_the_order_of_their_inputs():
    data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    answer = OpenAIEmbeddingsProvider().read_answer({"data": data})
    assert [part.values for part in answer.parts] == [(1.0,), (2.0,)]


def test_a_request_of_the_neutral_model_is_written():
    embedding = Embedding("m", ("a", (1, 2)), 256, "base64", "u1", {"openai.embeddings": {"input_type": "query"}})
    assert OpenAIEmbeddingsProvider().write_embedding(embedding) == (
        {
            "model": "m",
            "input": ["a", [1, 2]],
            "encoding_format": "base64",
            "dimensions": 256,
            "user": "u1",
            "input_type": "query",
        },
        [],
    )
