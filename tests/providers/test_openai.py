import json

import pytest
from fakes import BASE_URL, CHAT_URL, completion, upstream

from llmproxy.core.chat import Chat, Message, Text, Thinking
from llmproxy.providers.openai import OpenAIProvider, without_thoughts

REASONING = ["gpt-5", "gpt-5-mini", "o1", "o3-mini", "o4-mini"]
OTHERS = ["gpt-4o", "gpt-4.1", "openai/o1", "solo1", "llama-3"]


@pytest.fixture
def send(make_app, ask, up):
    """Asks through an application with these `[llm.*]` keys and tables; returns the request that was sent."""

    def send_chat(tables=None, keys=None, path="/chat/completions", **body):
        up.post(BASE_URL + path, json=completion())
        ask(make_app({**upstream(**(keys or {})), **(tables or {})}).test_client(), f"/v1{path}", **body)
        return up.calls[0].request

    return send_chat


def limits(request):
    return {name: value for name, value in json.loads(request.body).items() if name.startswith("max_")}


CAP = {
    "processor": {"cap": {"type": "token_limit", "max_tokens": 50}},
    "route": [{"path_prefix": "/", "processors": ["cap"]}],
}


@pytest.mark.parametrize("model", REASONING)
def test_a_limit_we_added_has_the_name_that_reasoning_models_know(send, model):
    assert limits(send(CAP, model=f"up/{model}")) == {"max_completion_tokens": 50}


@pytest.mark.parametrize("model", OTHERS)
def test_a_limit_we_added_keeps_its_name_for_other_models(send, model):
    assert limits(send(CAP, model=f"up/{model}")) == {"max_tokens": 50}


@pytest.mark.parametrize("limit", [20, 500])
def test_a_limit_the_client_wrote_keeps_its_name(send, limit):
    assert limits(send(CAP, model="up/o1", max_tokens=limit)) == {"max_tokens": min(limit, 50)}


def test_a_limit_the_client_left_empty_is_not_its_own(send):
    assert limits(send(CAP, model="up/o1", max_tokens=None)) == {"max_completion_tokens": 50}


def test_a_limit_of_a_model_of_ours_is_renamed_for_its_target(send):
    model = {"model": {"smart": {"targets": ["up/gpt-5"], "params": {"max_tokens": 30}}}}
    assert limits(send(model, model="smart")) == {"max_completion_tokens": 30}


def test_a_limit_in_the_newer_name_stays_there(send):
    assert limits(send(CAP, model="up/o1", max_completion_tokens=500)) == {"max_completion_tokens": 50}


def test_an_organization_and_a_project_are_said(send):
    headers = send(keys={"organization": "org-1", "project": "proj-1"}).headers
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj-1")


def test_nothing_is_said_of_an_organization_by_default(send):
    assert not any(name.lower().startswith("openai-") for name in send().headers)


def test_a_host_has_the_dialects_that_the_configuration_says(make_app, ask, up):
    up.post(f"{BASE_URL}/completions", json=completion())
    client = make_app(upstream(dialects=["completions"])).test_client()
    assert ask(client, "/v1/completions", prompt="x").status_code == 200
    assert ask(client).status_code == 400


def test_a_host_has_all_four_dialects_by_default(make_app, ask, up):
    for path in ("/chat/completions", "/completions", "/responses", "/embeddings"):
        up.post(BASE_URL + path, json={**completion(), "output": [], "data": []})
    client = make_app().test_client()
    assert ask(client, "/v1/chat/completions").status_code == 200
    assert ask(client, "/v1/completions", prompt="x").status_code == 200
    assert ask(client, "/v1/responses", input="x").status_code == 200
    assert ask(client, "/v1/embeddings", input="x").status_code == 200


def test_a_path_may_be_the_hosts_own(send, make_app, ask, up):
    up.post(f"{BASE_URL}/other", json=completion())
    assert ask(make_app(upstream(paths={"openai.chat": "/other"})).test_client()).status_code == 200
    assert [call.request.url for call in up.calls] != [CHAT_URL]


def test_a_subclass_speaks_what_it_has_a_path_for():
    class Own(OpenAIProvider):
        endpoints = {"openai.chat": "/talk"}  # noqa: RUF012
        default_base_url = BASE_URL

    assert Own().spoken() == ("openai.chat",)


def test_openai_itself_is_not_given_earlier_thoughts_which_are_said_to_be_lost():
    chat = Chat("m", (Message("assistant", (Thinking("hmm"), Text("hi"))),))
    body, lost = OpenAIProvider().dialect("openai.chat").write_request(chat)
    assert body["messages"] == [{"role": "assistant", "content": "hi"}]
    assert lost == ["thinking"]


@pytest.mark.parametrize("calls", [[5], "call", {"id": "1"}, [None], None])
def test_calls_that_are_none_are_openais_to_refuse(calls):
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    assert without_thoughts({**message, "reasoning_content": "hmm"}) == message
