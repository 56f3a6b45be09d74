import json
import re

import pytest
from fakes import completion, sse

from llmproxy.config.llms import ProviderConfig
from llmproxy.core.errors import ConfigError
from llmproxy.core.tokens import CallableTokenProvider
from llmproxy.providers.azure_openai import AzureOpenAIProvider

RES = "https://res.openai.azure.com"
INFERENCE = "https://res.services.ai.azure.com/models"
DATED = {"api_version": "2024-10-21"}
BODIES = {
    "/chat/completions": {},
    "/completions": {"prompt": "x"},
    "/embeddings": {"input": "x"},
    "/responses": {"input": "x"},
}
CHAT = f"{RES}/openai/v1/chat/completions"


def azure(base_url=RES, **keys):
    """The tables of one resource."""
    return {"llm": {"az": {"provider": "azure_openai", "base_url": base_url, "token_env": "AZ_KEY", **keys}}}


@pytest.fixture
def proxy(make_app):
    """Calls an application whose upstream is a resource with these keys."""

    def make(**keys):
        return make_app(azure(**keys), {"AZ_KEY": "az-key"}).test_client()

    return make


@pytest.fixture
def send(proxy, ask, up):
    """Sends a request by one of OpenAI's paths; returns what was sent to Azure."""

    def send_one(path="/chat/completions", *, base_url=RES, model="az/gpt-5", body=(), **keys):
        up.post(re.compile("https://res.*"), json={**completion(), "output": [], "data": []})
        ask(proxy(base_url=base_url, **keys), f"/v1{path}", model=model, **BODIES[path], **dict(body))
        return up.calls[-1].request

    return send_one


# Where it is sent


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("base_url", [RES, f"{RES}/", f"{RES}/openai", f"{RES}/openai/v1", f"{RES}/openai/v1/"])
def test_without_a_version_it_is_the_v1_api_and_the_body_names_the_deployment(send, path, base_url):
    request = send(path, base_url=base_url, deployments={"gpt-5": "ours"})
    assert request.url == f"{RES}/openai/v1{path}"
    assert json.loads(request.body)["model"] == "ours"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_with_a_version_the_path_names_the_deployment(send, path):
    request = send(path, deployments={"gpt-5": "ours"}, **DATED)
    assert request.url == f"{RES}/openai/deployments/ours{path}?api-version=2024-10-21"


def test_with_a_version_responses_have_one_path_for_the_resource(send):
    request = send("/responses", deployments={"gpt-5": "ours"}, **DATED)
    assert request.url == f"{RES}/openai/responses?api-version=2024-10-21"
    assert json.loads(request.body)["model"] == "ours"


def test_a_version_that_is_no_date_is_one_of_the_v1_api(send):
    assert send(api_version="preview").url == f"{CHAT}?api-version=preview"


def test_a_model_without_a_deployment_of_another_name_is_called_as_it_is(send):
    assert "/deployments/gpt-5/" in send(deployments={"gpt-4": "other"}, **DATED).url


def test_a_deployments_name_cannot_leave_its_segment(send):
    assert "/deployments/a%2Fb/chat/" in send(model="az/a/b", **DATED).url


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings"])
def test_the_model_inference_api_always_has_a_version(send, path):
    assert send(path, base_url=INFERENCE).url == f"{INFERENCE}{path}?api-version=2024-05-01-preview"


def test_the_model_inference_api_may_have_another_version(send):
    assert send(base_url=INFERENCE, **DATED).url.endswith("/models/chat/completions?api-version=2024-10-21")


def test_the_model_inference_api_has_no_responses(proxy):
    llm = AzureOpenAIProvider(ProviderConfig(INFERENCE, token_env=()))
    assert llm.spoken() == ("openai.chat", "openai.embeddings")


def test_a_path_of_ones_own_stands_as_it_is(send):
    request = send(paths={"openai.chat": "/gate/chat?api-version=x"}, **DATED)
    assert request.url == f"{RES}/gate/chat?api-version=x"


@pytest.mark.parametrize("version", ["2024-10-21&x=y", "a b", "../x", ""])
def test_a_version_that_would_change_the_url_is_refused(version):
    with pytest.raises(ConfigError):
        AzureOpenAIProvider(ProviderConfig(RES, options={"api_version": version}))


def test_a_resource_must_be_named():
    with pytest.raises(ConfigError, match="needs a base_url"):
        AzureOpenAIProvider(ProviderConfig(token_env=()))


def test_the_key_alone_switches_nothing_on_and_breaks_nothing(load):
    config = load(env={"AZURE_OPENAI_API_KEY": "k"})
    assert "azure_openai" not in config.llms
    (off,) = [llm for llm in config.off if llm.name == "azure_openai"]
    assert off.reason == "write [llm.azure_openai] with base_url to switch it on"


# Its key


def test_the_key_has_a_header_of_its_own(send):
    headers = send().headers
    assert headers["api-key"] == "az-key"
    assert "Authorization" not in headers


def test_an_entra_token_is_a_bearer_token(send):
    headers = send(entra=True).headers
    assert headers["Authorization"] == "Bearer az-key"
    assert "api-key" not in headers


def test_an_entra_token_may_come_from_a_function(up, parse):
    config = ProviderConfig(RES, options={"entra": True})
    llm = AzureOpenAIProvider(config, token_provider=CallableTokenProvider(lambda: "fetched"))
    up.post(CHAT, json=completion())
    llm.execute(parse()).close()
    assert up.calls[0].request.headers["Authorization"] == "Bearer fetched"


def test_without_a_token_of_its_own_entra_takes_a_clients_secret(make_app, ask, up):
    credentials = {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "app-secret"}
    up.post("https://login.microsoftonline.com/tenant/oauth2/v2.0/token", json={"access_token": "t", "expires_in": 99})
    up.post(CHAT, json=completion())
    tables = azure(entra=True)
    del tables["llm"]["az"]["token_env"]
    assert ask(make_app(tables, credentials).test_client(), model="az/m").status_code == 200
    assert up.calls[1].request.headers["Authorization"] == "Bearer t"


def test_an_llm_whose_clients_secret_is_missing_is_off(load):
    tables = azure(entra=True)
    del tables["llm"]["az"]["token_env"]
    assert [llm.reason for llm in load(tables).off if llm.name == "az"] == ["AZURE_CLIENT_SECRET is not set"]


# What is asked


def test_a_deployment_of_a_reasoning_model_gets_the_limit_it_knows(make_app, ask, up):
    up.post(CHAT, json=completion())
    models = {"model": {"smart": {"targets": ["az/gpt-5"], "params": {"max_tokens": 30}}}}
    ask(make_app({**azure(deployments={"gpt-5": "ours"}), **models}, {"AZ_KEY": "k"}).test_client(), model="smart")
    sent = json.loads(up.calls[0].request.body)
    assert (sent["model"], sent["max_completion_tokens"], "max_tokens" in sent) == ("ours", 30, False)


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({}, True),
        ({"api_version": "preview"}, True),
        ({"api_version": "2024-10-21"}, True),
        ({"api_version": "2024-09-01-preview"}, True),
        ({"api_version": "2024-02-01"}, False),
        ({"base_url": INFERENCE}, True),
    ],
)
def test_usage_of_a_stream_is_asked_of_versions_that_know_the_member(send, keys, asked):
    body = json.loads(send(body={"stream": True}, **keys).body)
    assert ("stream_options" in body) == asked


# What is answered

PROMPT_FILTER = {
    "choices": [], "created": 0, "id": "", "model": "", "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}],
}  # fmt: skip
CHUNK = {"id": "c1", "model": "gpt-5-2025", "created": 7, "object": "chat.completion.chunk"}
STREAM = sse(
    PROMPT_FILTER,
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "content_filter_results": {}}]},
    "[DONE]",
)


def test_the_first_chunk_without_choices_is_relayed_as_it_came(proxy, ask, up):
    up.post(CHAT, body=STREAM, content_type="text/event-stream")
    assert ask(proxy(), model="az/m", stream=True).get_data() == STREAM


def test_the_first_chunk_without_choices_begins_no_answer(proxy, up):
    up.post(CHAT, body=STREAM, content_type="text/event-stream")
    llmproxy = proxy().application.extensions["llmproxy"][0]
    start = next(delta for delta in llmproxy.chat("az/m", [{"role": "user", "content": "x"}], stream=True)
                 if type(delta).__name__ == "Start")  # fmt: skip
    assert (start.id, start.model) == ("c1", "gpt-5-2025")


FOUND = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
FILTERED = {"message": "filtered", "type": None, "param": "prompt", "code": "content_filter", "innererror": FOUND}


def test_a_refused_prompt_says_what_the_filter_has_found(proxy, ask, up):
    up.post(CHAT, json={"error": {**FILTERED, "status": 400}}, status=400)
    response = ask(proxy(), model="az/m")
    assert response.status_code == 400
    assert response.json["error"] == {**FILTERED, "type": "invalid_request_error"}


def test_the_token_is_taken_out_of_what_the_filter_says(proxy, ask, up):
    said = {**FOUND, "deep": {"token": "is az-key", "az-key": [1]}}
    up.post(CHAT, json={"error": {**FILTERED, "innererror": said}}, status=400)
    assert b"az-key" not in ask(proxy(), model="az/m").get_data()


@pytest.mark.parametrize(
    ("stream", "body", "kind"),
    [
        (False, json.dumps({"error": FILTERED}), "application/json"),
        (True, sse({"error": FILTERED}), "text/event-stream"),
    ],
)
def test_a_refused_prompt_in_a_200_is_an_error_all_the_same(proxy, ask, up, stream, body, kind):
    up.post(CHAT, body=body, content_type=kind)
    response = ask(proxy(), model="az/m", stream=stream)
    assert (response.status_code, response.json["error"]["code"]) == (400, "content_filter")


def test_a_deployment_that_is_not_there_is_a_404_of_the_clients(proxy, ask, up):
    said = {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
    up.post(CHAT, json={"error": said}, status=404)
    response = ask(proxy(), model="az/m")
    assert (response.status_code, response.json["error"]["code"]) == (404, "DeploymentNotFound")


def test_a_refused_key_with_the_code_401_is_no_business_of_the_clients(proxy, ask, up):
    up.post(CHAT, json={"error": {"code": "401", "message": "invalid subscription key"}}, status=401)
    response = ask(proxy(), model="az/m")
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_auth_failed")


def test_a_rate_limit_that_is_over_in_0_ms_is_waited_for_a_second(proxy, ask, up):
    head = {"retry-after": "9", "retry-after-ms": "0"}
    up.post(CHAT, json={"error": {"code": "RateLimitReached", "message": "x"}}, status=429, headers=head)
    response = ask(proxy(), model="az/m")
    assert (response.status_code, response.json["error"]["code"]) == (429, "upstream_rate_limited")
    assert response.headers["Retry-After"] == "1"
