"""Every recorded exchange of embeddings, in OpenAI's dialect there and back, in Gemini's and Cohere's as far as we say
them."""

import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.embedding import Embedding
from llmproxy.core.errors import ProviderRejected
from llmproxy.dialects.embeddings.cohere import CohereEmbedProvider
from llmproxy.dialects.embeddings.gemini import GeminiEmbedProvider
from llmproxy.dialects.openai_embeddings import OpenAIEmbeddingsClient, OpenAIEmbeddingsProvider
from wire.recordings import WIRE
from wire.round_trips.harness import records_of

CLIENT, OPENAI = OpenAIEmbeddingsClient(), OpenAIEmbeddingsProvider()
GEMINI, COHERE = GeminiEmbedProvider(), CohereEmbedProvider()

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}")


def recorded(endpoint, *, ok=None):
    return [
        pytest.param(record, id=record["id"])
        for _, record in records_of((endpoint,))
        if ok is None or (record["response"]["status"] == 200) == ok
    ]


def asked(record):
    return CLIENT.parse(json.dumps(record["request"]["json"]).encode(), RequestContext(model=record["model"]))


def said(record):
    return json.loads(record["response"]["body_text"])


@pytest.mark.parametrize("record", recorded("embeddings", ok=True))
def test_a_request_is_what_it_was_but_for_a_single_input_and_the_default_encoding(record):
    body = record["request"]["json"]
    several = body["input"] if isinstance(body["input"], list) else [body["input"]]
    expected = {"encoding_format": "float", **body, "input": several}
    assert OPENAI.write_embedding(asked(record).to_embedding()) == (expected, [])


@pytest.mark.parametrize("record", recorded("embeddings", ok=True))
def test_an_answer_is_what_it_was(record):
    assert CLIENT.write_answer(OPENAI.read_answer(said(record)), asked(record)) == said(record)


@pytest.mark.parametrize("record", recorded("batchEmbedContents"))
def test_what_gemini_is_asked_of_a_text_is_what_it_was_asked(record):
    body = record["request"]["json"]["requests"][0]
    text, *rest = body["content"]["parts"]
    embedding = Embedding(record["model"], (text["text"],), body.get("outputDimensionality"))
    written = GEMINI.write_embedding(embedding)[0]["requests"][0]
    written["content"]["parts"] += rest  # an image, which a client of OpenAI's cannot send
    assert written == {name: value for name, value in body.items() if name != "taskType"}


@pytest.mark.parametrize("record", recorded("batchEmbedContents", ok=True))
def test_what_gemini_answers_is_read(record):
    body, answer = said(record), GEMINI.read_answer(said(record))
    assert [list(vector.values) for vector in answer.parts] == [each["values"] for each in body["embeddings"]]
    assert answer.usage.input == body.get("usageMetadata", {}).get("promptTokenCount")


@pytest.mark.parametrize("record", recorded("v2/embed", ok=False))
def test_what_cohere_is_asked_is_what_it_was_asked_but_for_the_kind_of_input(record):
    body = {name: value for name, value in record["request"]["json"].items() if value is not None}
    written, _ = COHERE.write_embedding(Embedding(record["model"], tuple(body["texts"])))
    assert written == {**body, "input_type": "search_document"}


@pytest.mark.parametrize(
    ("dialect", "record"),
    [
        *[pytest.param(GEMINI, *each.values, id=each.id) for each in recorded("batchEmbedContents", ok=False)],
        *[pytest.param(COHERE, *each.values, id=each.id) for each in recorded("v2/embed", ok=False)],
    ],
)
def test_a_model_that_is_not_there_is_said_so(dialect, record):
    error = dialect.read_error(record["response"]["status"], {}, record["response"]["body_text"].encode())
    assert isinstance(error, ProviderRejected)
    assert (error.status, "not found" in error.message) == (404, True)


def test_all_of_the_recordings_are_read():
    counts = {name: len(recorded(name, ok=True)) for name in ("embeddings", "batchEmbedContents", "v2/embed")}
    assert counts == {"embeddings": 3, "batchEmbedContents": 3, "v2/embed": 0}
