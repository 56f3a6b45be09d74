"""OpenAI's SDK embeds with the models of other vendors, and reads what it always reads."""

import base64
import json
import struct

import pytest

openai = pytest.importorskip("openai", reason="the openai SDK comes with the dev extra")
httpx = pytest.importorskip("httpx", reason="httpx comes with the openai SDK")

VECTORS = [[0.5, -1.25], [3.0, 0.25]]

# For each provider: its table, where it embeds, a model, an answer of two vectors and what it cost, if it says so.
VENDORS = {
    "bedrock": (
        {"provider": "bedrock", "region": "us-east-1"},
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/cohere.embed-multilingual-v3/invoke",
        "cohere.embed-multilingual-v3",
        {"id": "x", "embeddings": VECTORS, "response_type": "embeddings_floats"},
        0,
    ),
    "cohere": (
        {"provider": "cohere"},
        "https://api.cohere.com/v2/embed",
        "embed-v4.0",
        {"id": "x", "embeddings": {"float": VECTORS}, "meta": {"billed_units": {"input_tokens": 3}}},
        3,
    ),
    "gemini": (
        {"provider": "gemini"},
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents",
        "gemini-embedding-001",
        {"embeddings": [{"values": each} for each in VECTORS], "usageMetadata": {"promptTokenCount": 3}},
        3,
    ),
    "ollama": (
        {"provider": "ollama"},
        "http://127.0.0.1:11434/api/embed",
        "nomic-embed-text",
        {"model": "nomic-embed-text", "embeddings": VECTORS, "prompt_eval_count": 3},
        3,
    ),
}
every = pytest.mark.parametrize("vendor", VENDORS)


@pytest.fixture
def sdk(make_app, up):
    """The SDK before a proxy with one vendor, who answers; gives (client, the model's name)."""
    clients = []

    def connect(vendor, answer=None, status=200):
        table, url, model, vectors, _ = VENDORS[vendor]
        up.post(url, json=answer or vectors, status=status)
        app = make_app({"llm": {"up": {**table, "token_env": "UP_KEY"}}})
        http = httpx.Client(transport=httpx.WSGITransport(app=app))
        client = openai.OpenAI(base_url="http://proxy/v1", api_key="k", http_client=http, max_retries=0)
        clients.append(client)
        return client.embeddings, f"up/{model}"

    yield connect
    for client in clients:
        client.close()


@every
def test_the_sdk_reads_the_vectors_in_the_base64_that_it_asks_for(sdk, vendor, up):
    embeddings, model = sdk(vendor)
    answer = embeddings.create(model=model, input=["a", "b"])
    assert [each.embedding for each in answer.data] == VECTORS
    assert [each.index for each in answer.data] == [0, 1]
    assert (answer.model, answer.usage.prompt_tokens) == (model, VENDORS[vendor][-1])
    assert "base64" not in str(up.calls[0].request.body)


@every
def test_numbers_come_as_numbers(sdk, vendor):
    embeddings, model = sdk(vendor)
    answer = embeddings.create(model=model, input=["a", "b"], encoding_format="float")
    assert [each.embedding for each in answer.data] == VECTORS


@every
def test_the_bytes_are_little_endian_floats(sdk, vendor):
    embeddings, model = sdk(vendor)
    raw = embeddings.with_raw_response.create(model=model, input=["a", "b"], encoding_format="base64")
    packed = [base64.b64decode(each["embedding"]) for each in json.loads(raw.text)["data"]]
    assert [list(struct.unpack("<2f", each)) for each in packed] == VECTORS


@every
def test_who_asks_is_listed_as_dropped(sdk, vendor):
    embeddings, model = sdk(vendor)
    raw = embeddings.with_raw_response.create(model=model, input=["a", "b"], user="u1")
    assert raw.headers["x-llmproxy-dropped"] == "user"


@every
def test_the_numbers_of_tokens_are_refused(sdk, vendor):
    embeddings, model = sdk(vendor)
    with pytest.raises(openai.BadRequestError) as caught:
        embeddings.create(model=model, input=[1, 2])
    assert (caught.value.code, caught.value.param) == ("unsupported_feature", "input")


@every
def test_an_answer_without_vectors_is_an_upstreams_failure(sdk, vendor):
    embeddings, model = sdk(vendor, answer={"something": "else"})
    with pytest.raises(openai.InternalServerError) as caught:
        embeddings.create(model=model, input="a")
    assert caught.value.code == "upstream_bad_response"


def test_titan_embeds_one_text_a_call(sdk):
    embeddings, _ = sdk("bedrock")
    with pytest.raises(openai.BadRequestError) as caught:
        embeddings.create(model="up/amazon.titan-embed-text-v2:0", input=["a", "b"])
    assert (caught.value.code, caught.value.param) == ("unsupported_feature", "input")


@every
def test_an_error_is_raised(sdk, vendor):
    embeddings, model = sdk(vendor, answer={"message": "no"}, status=429)
    with pytest.raises(openai.RateLimitError):
        embeddings.create(model=model, input="a")
