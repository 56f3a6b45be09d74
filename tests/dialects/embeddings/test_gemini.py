from llmproxy.core.embedding import Embedding
from llmproxy.dialects.embeddings.gemini import GeminiEmbedProvider


def test_each_text_is_a_request_that_repeats_the_model():
    body, _ = GeminiEmbedProvider().write_embedding(Embedding("gemini-embedding-001", ("a", "b"), 256))
    assert body["requests"] == [
        {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}, "outputDimensionality": 256}
        for text in ("a", "b")
    ]


def test_a_model_that_is_named_by_its_resource_keeps_its_name():
    body, _ = GeminiEmbedProvider().write_embedding(Embedding("tunedModels/mine", ("a",)))
    assert body["requests"][0]["model"] == "tunedModels/mine"
