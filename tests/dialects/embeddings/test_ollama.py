from llmproxy.core.answer import Usage
from llmproxy.core.embedding import Embedding
from llmproxy.dialects.embeddings.ollama import OllamaEmbedProvider


def test_a_text_that_is_too_long_is_to_be_refused_and_not_cut():
    body, _ = OllamaEmbedProvider().write_embedding(Embedding("nomic-embed-text", ("a", "b"), 256))
    assert body == {"model": "nomic-embed-text", "input": ["a", "b"], "truncate": False, "dimensions": 256}


def test_an_answer_from_the_cache_has_no_usage():
    assert OllamaEmbedProvider().read_answer({"embeddings": [[1.0]]}).usage == Usage()
