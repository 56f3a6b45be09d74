"""What holds for all of these dialects."""

import pytest

from llmproxy.core.answer import Answer, Usage, Vector
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderError, UnsupportedFeature
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects import PROVIDER_DIALECTS

# An answer of each: the vector (1, 2) for each text, and what it cost if the dialect says so.
ANSWERS = {
    "bedrock.cohere_embed": ({"embeddings": [[1.0, 2.0]], "id": "x", "response_type": "embeddings_floats"}, None),
    "bedrock.titan_embed": ({"embedding": [1.0, 2.0], "inputTextTokenCount": 3}, 3),
    "cohere.embed": ({"embeddings": {"float": [[1.0, 2.0]]}, "meta": {"billed_units": {"input_tokens": 3}}}, 3),
    "gemini.embed": ({"embeddings": [{"values": [1.0, 2.0]}], "usageMetadata": {"promptTokenCount": 3}}, 3),
    "ollama.embed": ({"model": "m", "embeddings": [[1.0, 2.0]], "prompt_eval_count": 3}, 3),
}

every = pytest.mark.parametrize("name", ANSWERS)


def dialect(name):
    return PROVIDER_DIALECTS.get(name)()


def signs(name, body):
    return dialect(name).signs(Event.whole(dumps(body).encode()), True)


@every
def test_a_dialect_serves_embeddings_by_its_name(name):
    assert (dialect(name).name, dialect(name).purpose, dialect(name).reader()) == (name, "embeddings", None)


@every
def test_the_numbers_of_tokens_are_refused(name):
    with pytest.raises(UnsupportedFeature) as caught:
        dialect(name).write_embedding(Embedding("m", ((1, 2),)))
    assert caught.value.param == "input"


@every
def test_who_asks_is_named_as_lost(name):
    assert dialect(name).write_embedding(Embedding("m", ("a",), user="u1"))[1] == ["user"]
    assert dialect(name).write_embedding(Embedding("m", ("a",), dimensions=2, encoding="base64"))[1] == []


@every
def test_a_length_is_asked_for_only_if_the_client_did(name):
    asked, unasked = (dumps(dialect(name).write_embedding(Embedding("m", ("a",), each))[0]) for each in (256, None))
    assert ("256" in asked, "imension" in asked, "imension" in unasked) == (True, True, False)


@every
def test_an_answer_is_read(name):
    body, tokens = ANSWERS[name]
    expected = Answer.of(Vector((1.0, 2.0)), usage=Usage(tokens))
    assert dialect(name).read_answer(body) == expected


@every
def test_an_answer_ends_with_its_usage(name):
    body, tokens = ANSWERS[name]
    found = signs(name, body)
    assert (found.finished, found.terminal, found.error) == (True, True, False)
    assert found.usage == (None if tokens is None else Usage(tokens))


@every
def test_an_error_in_the_place_of_an_answer_is_one(name):
    assert signs(name, {"error": {"message": "no"}}).error


@every
@pytest.mark.parametrize("body", [None, [], "x"])
def test_an_answer_of_another_kind_has_no_signs(name, body):
    with pytest.raises(ValueError, match="not an object"):
        signs(name, body)


@every
def test_an_error_is_read(name):
    error = dialect(name).read_error(503, {}, b"")
    assert isinstance(error, ProviderError)
    assert error.status == 503
