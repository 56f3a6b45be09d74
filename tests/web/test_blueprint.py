import json
import logging

import pytest
from fakes import CHAT_URL, STREAM, completion
from flask import abort

from llmproxy.web.blueprint import METHODS

# Health


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_says_only_that_it_is_well(make_app, get, path):
    response = get(make_app({"server": {"auth": "keys"}}).test_client(), path)
    assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_stays_at_the_root_whatever_routes_say(make_app, get, path):
    client = make_app({"route": [{"path_prefix": "/team-a"}]}).test_client()
    assert get(client, path).status_code == 200
    assert get(client, f"/team-a{path}").status_code == 404


def test_health_is_not_logged(client, get, logged):
    get(client, "/livez")
    assert logged.requests == []


# Errors of the framework


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/v1", "/v1/", "/v1/chat/completions/", "/v1/chat", "/static/x", "/v1/models/", "/%2e%2e/etc"],
)
def test_an_unknown_path_is_not_found_in_our_shape(client, get, path):
    response = get(client, path)
    assert (response.status_code, response.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1//models", "/v1/chat//completions", "/v1/models//", "//evil.example/v1/models"])
def test_doubled_slashes_are_no_redirect(client, get, path):
    response = get(client, "/", environ_overrides={"PATH_INFO": path})
    assert (response.status_code, response.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("POST", "OPTIONS", "HEAD")])
def test_another_method_is_not_allowed_in_our_shape(client, get, method):
    response = get(client, "/v1/chat/completions", method)
    assert (response.status_code, response.json["error"]["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/chat/completions", "OPTIONS, POST"), ("/v1/models", "GET, HEAD, OPTIONS")]
)
def test_a_path_tells_its_methods(client, get, path, allowed):
    response = get(client, path, "OPTIONS")
    assert (response.status_code, response.headers["Allow"]) == (204, allowed)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/echo", "/livez", "/readyz"])
def test_what_is_read_cannot_be_posted(client, get, path):
    response = get(client, path, "POST")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["TRACE", "BREW"])
def test_a_method_that_nobody_knows_is_not_allowed_in_our_shape(client, get, method):
    response = get(client, "/v1/chat/completions", method)
    assert (response.status_code, response.json["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (400, 400, "invalid_value"),
        (404, 404, "not_found"),
        (405, 405, "method_not_allowed"),
        (413, 413, "request_too_large"),
        (500, 500, "internal_error"),
    ],
)
def test_errors_of_the_framework_are_in_our_shape(make_app, get, status, expected, code):
    app = make_app()
    app.before_request(lambda: abort(status))
    response = get(app.test_client(), "/livez")
    assert (response.status_code, response.json["error"]["code"]) == (expected, code)
    assert response.headers["x-request-id"]


def test_an_exception_of_the_frameworks_is_in_our_shape(make_app, get, logged):
    app = make_app()
    app.before_request(lambda: 1 / 0)
    response = get(app.test_client(), "/livez")
    assert (response.status_code, response.json["error"]["code"]) == (500, "internal_error")
    assert b"division" not in response.get_data()
    assert "ZeroDivisionError" in logged.text


@pytest.mark.parametrize("host", ["a?b#", "evil.example", "x:99999", ""])
def test_the_host_header_means_nothing(client, ask, host):
    assert ask(client, model="echo", headers={"Host": host}).status_code == 200


# What goes to the upstream of the client's head


def sent(up):
    return {name.lower(): value for name, value in up.calls[0].request.headers.items()}


def test_nothing_of_the_clients_head_goes_on_but_what_is_allowed(make_app, ask, up):
    up.post(CHAT_URL, json=completion())
    given = {
        "Authorization": "Bearer ci-key",
        "Cookie": "canary=1",
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "x-api-key": "canary",
        "x-goog-api-key": "canary",
        "x-request-id": "canary",
        "User-Agent": "canary",
        "Accept": "canary/x",
        "Accept-Encoding": "gzip, canary",
        "Accept-Language": "canary",
        "Referer": "https://canary.example",
        "Origin": "https://canary.example",
        "OpenAI-Organization": "canary",
        "anthropic-beta": "canary",
        "X-Stainless-Lang": "canary",
        "openai-beta": "assistants=v2",
    }
    app = make_app({"client": {"ci": {"token_env": "CI_KEY"}}}, {"CI_KEY": "ci-key"})
    assert ask(app.test_client(), headers=given).status_code == 200
    assert sent(up) == {
        "content-type": "application/json",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "llmproxy",
        "authorization": "Bearer up-token",
        "content-length": sent(up)["content-length"],
        "openai-beta": "assistants=v2",
    }


def test_an_address_in_a_message_is_a_text(client, ask, up):
    up.post(CHAT_URL, json=completion())
    part = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}
    assert ask(client, messages=[{"role": "user", "content": [part]}]).status_code == 200
    assert [call.request.url for call in up.calls] == [CHAT_URL]


def test_braces_in_a_prompt_stay_as_typed(client, ask):
    response = ask(client, model="echo", messages=[{"role": "user", "content": "{{7*7}} ${HOME} %(x)s {0}"}])
    assert response.json["choices"][0]["message"]["content"] == "{{7*7}} ${HOME} %(x)s {0}"


# The line in the log


def test_an_answer_leaves_one_line_with_its_facts(client, ask, up, logged):
    up.post(CHAT_URL, json=completion())
    response = ask(client, headers={"x-request-id": "mine"})
    [facts] = logged.requests
    first, total = facts.pop("first_event_ms"), facts.pop("total_ms")
    assert response.status_code == 200
    assert 0 <= first <= total
    assert facts == {
        "request_id": "mine",
        "client": None,
        "route": "/",
        "dialect": "openai.chat",
        "llm": "up",
        "model": "up/m",
        "target_model": "m",
        "stream": False,
        "status": 200,
        "outcome": "settled",
        "error": None,
        "attempts": 1,
        "input_tokens": 5,
        "output_tokens": 7,
    }


def test_a_stream_leaves_one_line_with_its_tokens(client, ask, up, logged):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    ask(client, stream=True)
    [facts] = logged.requests
    assert (facts["stream"], facts["input_tokens"], facts["output_tokens"], facts["outcome"]) == (True, 5, 7, "settled")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"raw": "{"}, "invalid_json"),
        ({"model": "../x"}, "model_not_found"),
        ({"environ": {"REMOTE_ADDR": "10.0.0.1"}}, "invalid_api_key"),
        ({"path": "/nowhere"}, "not_found"),
        ({"path": "/livez"}, "method_not_allowed"),
    ],
)
def test_a_refused_request_leaves_one_line(client, ask, logged, arguments, error):
    response = ask(client, **arguments)
    [facts] = logged.requests
    assert (facts["status"], facts["error"], facts["outcome"]) == (response.status_code, error, "void")


def test_who_called_is_logged_by_name(make_app, ask, logged):
    app = make_app({"client": {"ci": {"token_env": "CI_KEY"}}}, {"CI_KEY": "canary-key"})
    ask(app.test_client(), headers={"Authorization": "Bearer canary-key"}, model="echo")
    assert [facts["client"] for facts in logged.requests] == ["ci"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 400},
        {"status": 401},
        {"status": 429},
        {"status": 500},
        {"status": 503},
        {"status": 200},
    ],
)
def test_neither_keys_nor_prompts_nor_tokens_are_ever_logged(make_app, ask, up, logged, answer, stream):
    told = {"error": {"message": "canary-prompt by canary-token", "type": "x", "code": "canary-token"}}
    up.post(CHAT_URL, json=told, headers={"WWW-Authenticate": "canary-token"}, **answer)
    app = make_app({"client": {"ci": {"token_env": "CI_KEY"}}}, {"CI_KEY": "canary-key", "UP_KEY": "canary-token"})
    messages = [{"role": "user", "content": "canary-prompt"}]
    response = ask(app.test_client(), headers={"Authorization": "Bearer canary-key"}, messages=messages, stream=stream)
    assert len(logged.requests) == 1
    assert "canary" not in logged.text
    assert "canary-token" not in response.get_data(as_text=True) + str(response.headers)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_not_logged(client, ask, up, logged, stream):
    body, kind = (STREAM.replace(b"two", b"canary"), "text/event-stream")
    whole = json.dumps(completion("canary")), "application/json"
    body, kind = (body, kind) if stream else whole
    up.post(CHAT_URL, body=body, content_type=kind)
    assert b"canary" in ask(client, stream=stream).get_data()
    assert "canary" not in logged.text


def test_a_name_of_a_model_cannot_forge_a_line(client, ask, logged):
    ask(client, model="x\nINFO-request-finished-forged")
    assert len(logged.requests) == 1
    assert len(logged.records[0].getMessage().splitlines()) == 1


def test_an_endless_name_of_a_model_does_not_fill_the_log(client, ask, logged):
    ask(client, model="x" * 1_000_000)
    assert len(logged.requests) == 1
    assert len(logged.text) < 2000


# Proxies before us


@pytest.mark.parametrize(("hops", "address"), [(0, "10.1.1.1"), (1, "203.0.113.7"), (2, "198.51.100.5")])
def test_as_many_hops_are_believed_as_are_trusted(make_app, get, hops, address):
    app = make_app({"server": {"trusted_proxies": hops, "auth": "none"}})
    seen = []
    from flask import request

    app.before_request(lambda: seen.append(request.remote_addr))
    headers = {"X-Forwarded-For": "127.0.0.1, 198.51.100.5, 203.0.113.7"}
    get(app.test_client(), "/livez", headers=headers, environ_overrides={"REMOTE_ADDR": "10.1.1.1"})
    assert seen == [address]


def test_a_forged_address_lets_nobody_in(make_app, ask):
    client = make_app({"server": {"trusted_proxies": 1}}).test_client()
    environ = {"REMOTE_ADDR": "10.1.1.1"}
    assert ask(client, headers={"X-Forwarded-For": "127.0.0.1"}, environ=environ).status_code == 401


def test_an_application_of_our_own_has_no_debugger_and_no_static_files(make_app):
    app = make_app()
    assert not app.debug
    assert not any("static" in rule.endpoint for rule in app.url_map.iter_rules())


def test_a_log_of_our_own_goes_to_standard_error(make_app):
    make_app({"server": {"log_format": "json", "log_level": "WARNING"}})
    logger = logging.getLogger("llmproxy")
    [handler] = logger.handlers
    assert json.loads(handler.format(logging.makeLogRecord({"msg": "said"})))["message"] == "said"
    assert logger.level == logging.WARNING
    assert not logger.propagate
