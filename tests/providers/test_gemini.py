import json
import re

import pytest
from fakes import CHAT_URL, completion, sse

GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
ANSWER = {
    "candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12},
}
CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]
SYSTEM = {"parts": [{"text": "brief"}]}


@pytest.fixture
def proxy(make_app):
    """Calls an application whose upstream is Google, with further keys."""

    def make(**keys):
        llm = {"provider": "gemini", "token_env": "G_KEY", **keys}
        return make_app({"llm": {"g": llm}}, {"G_KEY": "g-key"}).test_client()

    return make


@pytest.fixture
def post(proxy, up):
    """Posts to a path of Gemini's; returns the response after closing it."""

    def send(path, body=None, **keys):
        up.post(re.compile(GOOGLE), json={**ANSWER, "totalTokens": 5})
        response = proxy(**keys).post(path, json=body or {"contents": CONTENTS})
        response.get_data()
        response.close()
        return response

    return send


@pytest.fixture
def sent(post, up):
    """Posts to a path of Gemini's; returns the request that Google got."""

    def send(path, body=None, **keys):
        post(path, body, **keys)
        return up.calls[0].request

    return send


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("models/g/gemini-2.5-flash:generateContent", "models/gemini-2.5-flash:generateContent"),
        ("models/g%2Fgemini-2.5-flash:generateContent", "models/gemini-2.5-flash:generateContent"),
        ("models/g/gemini-2.5-flash:countTokens", "models/gemini-2.5-flash:countTokens"),
        (
            "models/g/gemini-2.5-flash:streamGenerateContent?alt=sse",
            "models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            "models/g/gemini-2.5-flash:streamGenerateContent",
            "models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("models/g/tunedModels/mine:generateContent", "tunedModels/mine:generateContent"),
        ("models/g/models/x:generateContent", "models/x:generateContent"),
        ("models/g/a/b c:generateContent", "models/a%2Fb%20c:generateContent"),
    ],
)
def test_the_model_and_the_form_of_the_answer_stand_in_the_url(sent, path, url):
    assert sent(f"/v1beta/{path}").url == f"{GOOGLE}/{url}"


def test_the_newer_version_s_path_is_served_too(post):
    assert post("/v1/models/g/gemini-2.5-flash:generateContent").json == {**ANSWER, "totalTokens": 5}


def test_a_path_of_the_hosts_own_keeps_its_places(sent):
    request = sent(
        "/v1beta/models/g/m:streamGenerateContent", paths={"gemini.generate": "/own/{model}:generateContent?v=2"}
    )
    assert request.url == f"{GOOGLE}/own/m:streamGenerateContent?v=2&alt=sse"


def test_the_key_goes_in_google_s_header_and_never_in_the_url(sent):
    request = sent("/v1beta/models/g/m:generateContent")
    assert request.headers["x-goog-api-key"] == "g-key"
    assert "Authorization" not in request.headers
    assert "key" not in request.url


def test_the_key_s_own_variable_switches_it_on(make_app, up):
    up.post(f"{GOOGLE}/models/gemini-2.5-flash:generateContent", json=ANSWER)
    client = make_app({"llm": {}}, {"GEMINI_API_KEY": "x"}).test_client()
    assert client.post("/v1beta/models/gemini-2.5-flash:generateContent", json={"contents": CONTENTS}).json == ANSWER


def test_the_clients_bytes_go_on_as_they_came(proxy, up):
    up.post(re.compile(GOOGLE), json=ANSWER)
    raw = b'{ "contents": [{"parts": [{"text": "hi", "unknown_member": 1}]}] }'
    proxy().post("/v1beta/models/g/m:generateContent", data=raw, content_type="application/json").close()
    assert up.calls[0].request.body == raw


def test_a_chat_of_another_dialect_is_asked_in_google_s(ask, proxy, up):
    up.post(f"{GOOGLE}/models/gemini-2.5-flash:generateContent", json=ANSWER)
    response = ask(proxy(), model="g/gemini-2.5-flash", max_tokens=9, logit_bias={"1": 2})
    body = json.loads(up.calls[0].request.body)
    assert body == {"contents": CONTENTS, "generationConfig": {"maxOutputTokens": 9}}
    assert response.json["choices"][0]["message"]["content"] == "hi"
    assert response.headers["x-llmproxy-dropped"] == "logit_bias"


def test_a_stream_is_relayed_byte_for_byte(proxy, up):
    stream = sse(ANSWER, {**ANSWER, "unknown": {"x": 1}}).replace(b"\n", b"\r\n")
    up.post(re.compile(GOOGLE), body=stream, content_type="text/event-stream")
    response = proxy().post("/v1beta/models/g/m:streamGenerateContent?alt=sse", json={"contents": CONTENTS})
    assert (response.data, response.mimetype) == (stream, "text/event-stream")


def test_a_stream_not_asked_for_as_events_is_an_array(proxy, up):
    first = {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}]}
    up.post(re.compile(GOOGLE), body=sse(first, ANSWER), content_type="text/event-stream")
    response = proxy().post("/v1beta/models/g/m:streamGenerateContent", json={"contents": CONTENTS})
    texts = [each["candidates"][0]["content"]["parts"][0]["text"] for each in response.json]
    assert (response.mimetype, "".join(texts)) == ("application/json", "ahi")


def test_a_stream_that_breaks_off_says_so_in_its_array(proxy, up):
    first = {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}]}
    up.post(re.compile(GOOGLE), body=sse(first), content_type="text/event-stream")
    response = proxy().post("/v1beta/models/g/m:streamGenerateContent", json={"contents": CONTENTS})
    assert [*response.json[-1]["error"]] == ["code", "message", "status"]


def test_an_error_within_a_stream_reaches_another_dialects_client_in_its_own_words(ask, proxy, up):
    first = {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}]}
    stream = sse(first, {"error": {"code": 503, "message": "the model is overloaded", "status": "UNAVAILABLE"}})
    up.post(re.compile(GOOGLE), body=stream, content_type="text/event-stream")
    response = ask(proxy(), model="g/m", stream=True)
    assert '"code":"upstream_overloaded"' in response.text
    assert "[DONE]" not in response.text


def test_a_bad_key_of_ours_is_not_the_clients_fault(proxy, up):
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    error = {"code": 400, "message": "API key not valid: g-key", "status": "INVALID_ARGUMENT", "details": details}
    up.post(re.compile(GOOGLE), status=400, json={"error": error})
    response = proxy().post("/v1beta/models/g/m:generateContent", json={"contents": CONTENTS})
    assert (response.status_code, response.headers["x-llmproxy-error"]) == (502, "upstream_auth_failed")
    assert response.json["error"]["status"] == "INTERNAL"
    assert "g-key" not in response.text


def test_how_long_to_wait_is_told_from_the_body(proxy, up):
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]
    error = {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": details}
    up.post(re.compile(GOOGLE), status=429, json={"error": error})
    response = proxy().post("/v1beta/models/g/m:generateContent", json={"contents": CONTENTS})
    assert (response.status_code, response.headers["Retry-After"]) == (429, "35")
    assert response.json["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_what_another_target_cannot_say_is_named_in_google_s_words(make_app, up):
    up.post(CHAT_URL, json=completion())
    body = {
        "contents": CONTENTS,
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
        "generationConfig": {"topK": 5, "responseModalities": ["TEXT"], "thinkingConfig": {"thinkingBudget": -1}},
        "safetySettings": [],
    }
    response = make_app().test_client().post("/v1beta/models/up/m:generateContent", json=body)
    assert response.headers["x-llmproxy-dropped"] == "topK, googleSearch, safetySettings"
    assert response.json["candidates"][0]["content"]["parts"] == [{"text": "hi"}]


# Counting.


def test_contents_alone_are_counted_as_they_are(sent):
    assert json.loads(sent("/v1beta/models/g/m:countTokens").body) == {"contents": CONTENTS}


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS, "systemInstruction": SYSTEM},
        {"generateContentRequest": {"model": "models/old", "contents": CONTENTS, "systemInstruction": SYSTEM}},
    ],
)
def test_more_than_contents_is_counted_as_a_whole_request_of_the_same_model(sent, body):
    whole = {"model": "models/m", "contents": CONTENTS, "systemInstruction": SYSTEM}
    assert json.loads(sent("/v1beta/models/g/m:countTokens", body).body) == {"generateContentRequest": whole}


def test_a_count_comes_back_in_the_clients_words(post, proxy, up):
    assert post("/v1beta/models/g/m:countTokens").json["totalTokens"] == 5
    body = {"model": "g/m", "messages": [{"role": "user", "content": "hello"}]}
    assert proxy().post("/v1/messages/count_tokens", json=body).json == {"input_tokens": 5}


def test_a_target_that_does_not_count_is_estimated(make_app):
    path = "/v1beta/models/up/m:countTokens"
    response = make_app().test_client().post(path, json={"contents": CONTENTS})
    assert response.json["totalTokens"] > 0
    assert response.headers["x-llmproxy-estimated"] == "true"
