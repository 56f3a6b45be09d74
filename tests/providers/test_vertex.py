import json
import re

import pytest

from llmproxy.config.llms import ProviderConfig
from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import StaticTokenProvider
from llmproxy.providers.google_tokens import GoogleTokens
from llmproxy.providers.vertex import VertexProvider, host

ANSWER = {"candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}]}
CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]
BASE = "https://aiplatform.googleapis.com/v1/projects/my-project/locations/global"
GOOGLE = f"{BASE}/publishers/google"


@pytest.fixture
def sent(make_app, up):
    """Posts to a path of Gemini's; returns the request that Vertex got."""

    def send(path, body=None, **keys):
        up.post(re.compile("https://[a-z0-9.-]+googleapis.com/"), json={**ANSWER, "totalTokens": 5})
        llm = {"provider": "vertex", "project": "my-project", "token_env": "V_KEY", **keys}
        client = make_app({"llm": {"v": llm}}, {"V_KEY": "v-token"}).test_client()
        client.post(f"/v1beta/models/v/{path}", json=body or {"contents": CONTENTS}).close()
        return up.calls[0].request

    return send


def provider(**options):
    config = ProviderConfig(name="v", options=options)
    return VertexProvider(config, token_provider=StaticTokenProvider("t"))


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_a_location_has_its_own_host_and_the_whole_world_one_without_a_prefix(location, name):
    assert host(location) == name
    url = provider(project="p", location=location).url_provider.get_url()
    assert url == f"https://{name}/v1/projects/p/locations/{location}"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("gemini-2.5-pro:generateContent", f"{GOOGLE}/models/gemini-2.5-pro:generateContent"),
        ("gemini-2.5-pro:streamGenerateContent", f"{GOOGLE}/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
        ("gemini-2.5-pro:countTokens", f"{GOOGLE}/models/gemini-2.5-pro:countTokens"),
        ("endpoints/123:generateContent", f"{BASE}/endpoints/123:generateContent"),
    ],
)
def test_models_are_google_s_or_those_of_an_endpoint(sent, path, url):
    assert sent(path).url == url


def test_the_token_is_a_bearer_token(sent):
    request = sent("gemini-2.5-pro:generateContent")
    assert request.headers["Authorization"] == "Bearer v-token"
    assert "x-goog-api-key" not in request.headers


def test_a_request_is_counted_bare(sent):
    system = {"parts": [{"text": "brief"}]}
    whole = {"model": "models/m", "contents": CONTENTS, "systemInstruction": system}
    request = sent("m:countTokens", {"generateContentRequest": whole})
    assert json.loads(request.body) == {"contents": CONTENTS, "systemInstruction": system}


def test_a_base_url_of_ones_own_needs_no_project(sent):
    request = sent("m:generateContent", project="p", base_url="https://private.googleapis.com/v1/x")
    assert request.url == "https://private.googleapis.com/v1/x/publishers/google/models/m:generateContent"


def test_without_a_project_nobody_can_be_asked():
    with pytest.raises(ConfigError, match=r'\[llm.v\] needs a project, as project = "my-project"'):
        provider()


@pytest.mark.parametrize("options", [{"project": "p/../q"}, {"project": "p", "location": "evil.example/"}])
def test_options_that_would_lead_elsewhere_are_refused(options):
    with pytest.raises(ConfigError):
        provider(**options)


def test_without_a_named_token_google_gives_one(tmp_path):
    pytest.importorskip("google.auth", reason="google-auth comes with the vertex extra")
    config = ProviderConfig(options={"project": "p", "credentials_file": "key.json"}, folder=tmp_path)
    assert isinstance(VertexProvider(config).token_provider, GoogleTokens)
