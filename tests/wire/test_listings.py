"""The vendors' own SDKs list the models of a running proxy, and ask for one of them."""

import contextlib

import pytest
from fakes import upstream

CONFIG = {
    **upstream(models=["gpt-5", "org/open-model"]),
    "model": {"smart": {"targets": ["up/gpt-5"]}},
    "client": {"ci": {"token_env": "CI_KEY"}},
}
NAMES = ["smart", "gpt-5", "org/open-model", "echo"]


@pytest.fixture
def url(make_app, serve):
    """A served application that wants a key."""
    return f"http://127.0.0.1:{serve(make_app(CONFIG, {'CI_KEY': 'ci-key'}))}"


def sdk(name):
    return pytest.importorskip(name, reason=f"the SDK {name} comes with the dev extra")


@pytest.fixture
def opened():
    """Closes the SDKs' clients."""
    with contextlib.ExitStack() as stack:
        yield lambda client: stack.enter_context(contextlib.closing(client))


def openai_client(url, opened, key="ci-key"):
    return opened(sdk("openai").OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0))


def anthropic_client(url, opened, key="ci-key"):
    return opened(sdk("anthropic").Anthropic(base_url=url, api_key=key, max_retries=0))


def gemini_client(url, opened, key="ci-key"):
    genai = sdk("google.genai")
    return opened(genai.Client(api_key=key, http_options=genai.types.HttpOptions(base_url=url)))


def ollama_client(url, opened, key="ci-key"):
    return opened(sdk("ollama").Client(url, headers={"Authorization": f"Bearer {key}"}))


def test_openais(url, opened):
    client = openai_client(url, opened)
    assert [model.id for model in client.models.list()] == NAMES
    assert client.models.retrieve("org/open-model").id == "org/open-model"


def test_anthropics(url, opened):
    client = anthropic_client(url, opened)
    assert [(model.id, model.type) for model in client.models.list()] == [(name, "model") for name in NAMES]
    assert client.models.retrieve("org/open-model").created_at.year == 1970


def test_googles(url, opened):
    client = gemini_client(url, opened)
    assert [model.name for model in client.models.list()] == [f"models/{name}" for name in NAMES]
    model = client.models.get(model="smart")
    assert (model.display_name, "generateContent" in model.supported_actions) == ("smart", True)


def test_ollamas(url, opened):
    client = ollama_client(url, opened)
    assert [model.model for model in client.list().models] == NAMES
    assert "tools" in client.show("smart").capabilities


def test_openai_is_told_of_a_wrong_key_and_an_unknown_model(url, opened):
    errors = sdk("openai")
    with pytest.raises(errors.AuthenticationError):
        openai_client(url, opened, "wrong").models.list()
    with pytest.raises(errors.NotFoundError):
        openai_client(url, opened).models.retrieve("gpt-6")


def test_anthropic_is_told_of_a_wrong_key_and_an_unknown_model(url, opened):
    errors = sdk("anthropic")
    with pytest.raises(errors.AuthenticationError) as caught:
        anthropic_client(url, opened, "wrong").models.list()
    assert caught.value.body["error"]["type"] == "authentication_error"
    with pytest.raises(errors.NotFoundError) as caught:
        anthropic_client(url, opened).models.retrieve("gpt-6")
    assert caught.value.request_id.startswith("req-")


def test_google_is_told_of_a_wrong_key_and_an_unknown_model(url, opened):
    errors = sdk("google.genai.errors")
    with pytest.raises(errors.ClientError) as caught:
        gemini_client(url, opened, "wrong").models.list()
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")
    with pytest.raises(errors.ClientError) as caught:
        gemini_client(url, opened).models.get(model="gpt-6")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


def test_ollama_is_told_of_a_wrong_key_and_an_unknown_model(url, opened):
    errors = sdk("ollama")
    with pytest.raises(errors.ResponseError) as caught:
        ollama_client(url, opened, "wrong").list()
    assert (caught.value.status_code, caught.value.error) == (401, "The API key is missing or not valid.")
    with pytest.raises(errors.ResponseError) as caught:
        ollama_client(url, opened).show("gpt-6")
    assert caught.value.status_code == 404
