from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.dialects.embeddings.cohere import CohereEmbedProvider


def test_a_text_that_is_too_long_is_to_be_refused_and_not_cut():
    body, _ = CohereEmbedProvider().write_embedding(Embedding("embed-v4.0", ("a", "b"), 256))
    assert body == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_document",
        "truncate": "NONE",
        "output_dimension": 256,
        "embedding_types": ["float"],
    }


def test_an_answer_without_a_bill_has_no_usage():
    assert CohereEmbedProvider().read_answer({"embeddings": {"float": [[1.0]]}, "meta": None}).usage == Usage()
