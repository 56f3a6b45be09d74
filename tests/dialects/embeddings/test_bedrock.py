import pytest

from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.embeddings.bedrock import BedrockCohereEmbedProvider, TitanEmbedProvider


def test_titan_embeds_a_text_and_the_path_names_the_model():
    body, _ = TitanEmbedProvider().write_embedding(Embedding("amazon.titan-embed-text-v2:0", ("hi",), 256))
    assert body == {"inputText": "hi", "dimensions": 256}


def test_titan_takes_no_second_text():
    with pytest.raises(UnsupportedFeature) as caught:
        TitanEmbedProvider().write_embedding(Embedding("amazon.titan-embed-text-v2:0", ("a", "b")))
    assert caught.value.param == "input"
    assert "one text" in caught.value.message


def test_coheres_models_are_asked_as_cohere_is_but_for_the_model():
    body, _ = BedrockCohereEmbedProvider().write_embedding(Embedding("cohere.embed-v4:0", ("a", "b"), 256))
    assert body == {
        "texts": ["a", "b"],
        "input_type": "search_document",
        "truncate": "NONE",
        "output_dimension": 256,
    }


def test_coheres_vectors_may_stand_by_their_type():
    answer = BedrockCohereEmbedProvider().read_answer({"embeddings": {"float": [[1.0], [2.0]]}})
    assert [vector.values for vector in answer.parts] == [(1.0,), (2.0,)]
