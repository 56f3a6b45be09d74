import json

import pytest
from fakes import CHAT_URL, STREAM, completion, upstream

CONFIG = {
    "processor": {"improve": {"type": "llm", "target": "up/helper", "prompt": "Rewrite it."}},
    "route": [{"path_prefix": "/", "processors": ["improve"]}],
}


@pytest.fixture
def improving(make_app):
    return make_app(CONFIG).test_client()


def sent(up, index):
    return json.loads(up.calls[index].request.body)


def test_a_model_is_asked_first_and_its_answer_put_in_place(improving, ask, up):
    up.post(CHAT_URL, json=completion("better"))
    up.post(CHAT_URL, json=completion("answer"))
    messages = [{"role": role, "content": text} for role, text in (("user", "old"), ("assistant", "x"), ("user", "q"))]
    response = ask(improving, messages=messages)
    assert sent(up, 0) == {
        "model": "helper",
        "messages": [{"role": "system", "content": "Rewrite it."}, {"role": "user", "content": "q"}],
    }
    assert sent(up, 1)["messages"] == [*messages[:2], {"role": "user", "content": "better"}]
    assert response.json == completion("answer")


def test_images_stay_beside_the_new_text(improving, ask, up):
    up.post(CHAT_URL, json=completion("better"))
    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    ask(improving, messages=[{"role": "user", "content": [image, {"type": "text", "text": "q"}]}])
    assert sent(up, 1)["messages"][0]["content"] == [{"type": "text", "text": "better"}, image]


def test_a_stream_is_asked_for_by_the_client_alone(improving, ask, up):
    up.post(CHAT_URL, json=completion("better"))
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    assert ask(improving, stream=True).get_data().endswith(b"[DONE]\n\n")
    assert "stream" not in sent(up, 0)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions"])
def test_other_dialects_are_improved_as_well(improving, ask, up, path):
    up.post(CHAT_URL, json=completion("better"))
    response = ask(improving, path, model="echo", input="q", prompt="q")
    assert b"better" in response.get_data()


def test_without_a_user_text_nobody_is_asked(improving, ask, up):
    assert ask(improving, model="echo", messages=[{"role": "system", "content": "x"}]).status_code == 200
    assert not up.calls


def test_the_other_request_has_a_line_and_an_id_of_its_own(improving, ask, up, logged):
    up.post(CHAT_URL, json=completion("better"))
    ask(improving, model="echo", headers={"x-request-id": "mine"})
    first, second = logged.requests
    assert first["request_id"].startswith("mine.")
    assert second["request_id"] == "mine"
    assert (first["route"], first["llm"], first["input_tokens"]) == ("processor", "up", 5)
    assert (second["route"], second["llm"]) == ("/", "echo")


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": 429}, 429, "upstream_rate_limited"),
        ({"status": 500}, 502, "upstream_error"),
        ({"status": 401}, 502, "upstream_auth_failed"),
        ({"status": 400, "json": {"error": {"message": "no", "code": "bad", "type": "t"}}}, 400, "bad"),
        ({"json": completion("")}, 502, "upstream_bad_response"),
        ({"json": completion(None)}, 502, "upstream_bad_response"),
        ({"json": {"choices": []}}, 502, "upstream_bad_response"),
        ({"json": {"choices": [None]}}, 502, "upstream_bad_response"),
        ({"json": {"choices": [{}]}}, 502, "upstream_bad_response"),
        ({"json": {"choices": [{"message": "x"}]}}, 502, "upstream_bad_response"),
        ({"json": {"choices": [{"message": None}]}}, 502, "upstream_bad_response"),
    ],
)
def test_a_failure_of_the_other_model_is_the_requests_failure(make_app, ask, up, answer, status, code):
    improving = make_app({**CONFIG, **upstream(max_retries=0)}).test_client()
    up.post(CHAT_URL, **answer)
    response = ask(improving, model="echo")
    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert len(up.calls) == 1


def test_the_other_model_may_be_one_that_the_client_may_not_use(make_app, ask, up):
    up.post(CHAT_URL, json=completion("better"))
    client = make_app({**CONFIG, "client": {"ci": {"token_env": "CI_KEY", "models": ["echo"]}}}, {"CI_KEY": "ci-key"})
    response = ask(client.test_client(), model="echo", headers={"Authorization": "Bearer ci-key"})
    assert response.json["choices"][0]["message"]["content"] == "better"


@pytest.mark.parametrize("options", [{}, {"target": "x"}, {"prompt": "x"}, {"target": "", "prompt": "x"}])
def test_options_that_are_wrong_are_refused(make_app, options):
    with pytest.raises(Exception, match=r"target|prompt"):
        make_app({"processor": {"improve": {"type": "llm", **options}}})
