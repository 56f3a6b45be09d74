import json

import pytest

from llmproxy.core.answer import Answer, Usage
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.sse import Event
from llmproxy.dialects.openai_embeddings import OpenAIEmbeddingsClient, OpenAIEmbeddingsProvider


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
        OpenAIEmbeddingsClient().write_stream([], ask())
