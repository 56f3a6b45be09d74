"""No request says where it goes, nor with whose credentials, under any name on any path."""

import json

import pytest
from fakes import CHAT_URL, completion, upstream
from flask import Flask
from responses import matchers

from llmproxy import LLMProxy
from llmproxy.web.steering_names import HEADERS, KEY_HEADERS, MEMBERS, MEMBERS_OF_THE_BODY, QUERY

ELSEWHERE = "http://169.254.169.254/"
ASKED = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
PATHS = {
    "/v1/chat/completions": {"model": "up/m", **ASKED},
    "/v1/completions": {"model": "up/m", "prompt": "hello"},
    "/v1/embeddings": {"model": "up/m", "input": "hello"},
    "/v1/responses": {"model": "up/m", "input": "hello"},
    "/v1/messages": {"model": "up/m", **ASKED},
    "/v1/messages/count_tokens": {"model": "up/m", **ASKED},
    "/v1beta/models/up%2Fm:generateContent": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/v1beta/models/up%2Fm:streamGenerateContent": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/v1beta/models/up%2Fm:countTokens": {"contents": [{"parts": [{"text": "hello"}]}]},
    "/api/chat": {"model": "up/m", **ASKED},
    "/passthrough/up/chat/completions": {"model": "m", **ASKED},
}
READ = ["/v1/models", "/v1/models/echo", "/v1beta/models", "/api/tags", "/api/version", "/passthrough/up/models"]


@pytest.fixture(scope="module")
def client():
    """One application for all of them: a request that is refused leaves nothing behind."""
    app = Flask(__name__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UP_KEY", "up-token")
        LLMProxy(app, config=upstream())
        yield app.test_client()


def refused(response, name):
    """Whether it is refused because of this name, in whatever shape."""
    assert (response.status_code, response.headers["x-llmproxy-error"]) == (400, "invalid_value")
    assert f"{name}: A request cannot say where it goes" in response.get_data(as_text=True)
    return True


@pytest.mark.parametrize("name", [*MEMBERS, *MEMBERS_OF_THE_BODY, *HEADERS])
def test_no_member_of_a_body_says_where_a_request_goes(client, ask, name):
    for said, found in (({name: ELSEWHERE}, name), ({"extra_body": {name: ELSEWHERE}}, f"extra_body.{name}")):
        assert refused(ask(client, raw=json.dumps({"model": "up/m", **ASKED, **said})), found)


@pytest.mark.parametrize("name", [*MEMBERS, *HEADERS])
def test_no_member_of_the_metadata_does(client, ask, name):
    assert refused(ask(client, metadata={name: ELSEWHERE}), f"metadata.{name}")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["base_url", "api_key"])
def test_no_member_does_on_any_path(client, ask, path, name):
    for said, found in (({name: "x"}, name), ({"metadata": {name: "x"}}, f"metadata.{name}")):
        assert refused(ask(client, path, raw=json.dumps({**PATHS[path], **said})), found)


@pytest.mark.parametrize("path", [*PATHS, *READ])
@pytest.mark.parametrize("name", ["x-portkey-config", "x-portkey-custom-host", "x-llmproxy-base-url", "api-base"])
def test_no_header_does_on_any_path(client, get, path, name):
    method = "GET" if path in READ else "POST"
    assert refused(get(client, path, method, headers={name: ELSEWHERE}, json=PATHS.get(path)), name)


@pytest.mark.parametrize("name", [*HEADERS, *(name.replace("_", "-") for name in MEMBERS)])
def test_every_header_is_known(client, ask, name):
    if name not in KEY_HEADERS:
        assert refused(ask(client, headers={name: ELSEWHERE}), name.lower())


@pytest.mark.parametrize("path", [*PATHS, *READ])
@pytest.mark.parametrize("name", ["base_url", "api-base", "key", "api_key"])
def test_no_name_in_a_query_does_on_any_path(client, get, path, name):
    method = "GET" if path in READ else "POST"
    assert refused(get(client, f"{path}?a=1&{name}={ELSEWHERE}", method, json=PATHS.get(path)), name)


@pytest.mark.parametrize("name", [*QUERY, "KEY", "api-key", "x-api-key", "%6Bey"])
def test_a_key_in_a_url_is_refused_however_it_is_called(client, get, name):
    assert get(client, f"/v1/models?a=1&{name}=secret").status_code == 400


def test_who_brings_no_key_is_told_nothing_more(make_app, ask):
    app = make_app({"client": {"ci": {"token_env": "CI_KEY"}}}, {"CI_KEY": "ci-key"}).test_client()
    assert ask(app, "/v1/chat/completions?key=ci-key", base_url=ELSEWHERE).status_code == 401


@pytest.mark.parametrize("name", ["api-key", "x-api-key", "authorization", "openai-organization", "openai-project"])
def test_what_sdks_send_is_not_refused(client, ask, up, name):
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"Authorization": "Bearer up-token"})])
    assert ask(client, headers={name: "something"}).status_code == 200


def test_tags_may_be_called_like_other_things(client, ask, up):
    up.post(CHAT_URL, json=completion())
    assert ask(client, metadata={"host": "web-1", "endpoint": "search", "api_version": "2"}).status_code == 200


def test_an_api_that_is_passed_through_may_have_an_endpoint(client, get, up):
    up.post("https://up.example/v1/batches", json={})
    body = {"endpoint": "/v1/chat/completions", "input_file_id": "file-1", "completion_window": "24h"}
    assert get(client, "/passthrough/up/batches?api-version=1", "POST", json=body).status_code == 200


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b"[]", b'"base_url"', b"\xff"])
def test_what_is_passed_on_need_not_be_json(client, get, up, raw):
    up.post("https://up.example/v1/files", json={})
    headers = {"Content-Type": "application/json"}
    assert get(client, "/passthrough/up/files", "POST", data=raw, headers=headers).status_code == 200
