import contextlib
import gzip
import json
import logging

import flask
import pytest
import responses
from fakes import BASE_URL, CHAT_URL, STREAM, chunk, completion, sse, upstream
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from responses import matchers

from llmproxy import (
    Answer,
    Appended,
    Closed,
    End,
    LLMProxy,
    ModelNotFound,
    Opened,
    ParseError,
    ProviderError,
    Text,
    create_app,
    create_blueprint,
)
from llmproxy.config.handed import HANDED

CHAT = "/v1/chat/completions"
ECHO = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def config(load):
    """One upstream and its token."""
    return load(upstream(), {"UP_KEY": "up-token"})


@pytest.fixture
def host():
    """An application with habits of its own."""
    app = Flask("host")
    app.config["MAX_CONTENT_LENGTH"] = 50
    app.register_error_handler(404, lambda error: ("host 404", 404))
    app.register_error_handler(405, lambda error: ("host 405", 405))
    app.register_error_handler(500, lambda error: ("host 500", 500))
    app.register_error_handler(Exception, lambda error: ("host exception", 418))
    app.json = UpperJSON(app)
    app.response_class = type("HostResponse", (flask.Response,), {"default_mimetype": "text/x-host"})

    @app.after_request
    def add_headers(response):
        response.headers["Access-Control-Allow-Origin"] = "https://host.example"
        response.headers["X-Host"] = "after"
        return response

    @app.get("/own")
    def own():
        return {"key": "value"}

    @app.post("/size")
    def size():
        return str(len(flask.request.get_data()))

    @app.get("/fails")
    def fails():
        raise ZeroDivisionError

    return app


class UpperJSON(DefaultJSONProvider):
    """A JSON provider that would be noticed."""

    def dumps(self, obj, **kwargs):
        return super().dumps(obj, **kwargs).upper()


@pytest.fixture
def embedded(host, config):
    """Calls a host application with the proxy below /llm."""
    LLMProxy(host, url_prefix="/llm", config=config)
    return host.test_client()


# The host's own


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, b"host 404"),
        ("POST", "/own", 405, b"host 405"),
        ("GET", "/fails", 418, b"host exception"),
        ("GET", "/v1/models", 404, b"host 404"),
        ("GET", "/livez", 404, b"host 404"),
        ("GET", "/llmx", 404, b"host 404"),
    ],
)
def test_a_hosts_own_errors_stay_its_own(embedded, get, method, path, status, body):
    response = get(embedded, path, method)
    assert (response.status_code, response.get_data()) == (status, body)
    assert response.headers["X-Host"] == "after"


def test_a_hosts_json_and_response_class_stay_its_own(embedded, get):
    response = get(embedded, "/own")
    assert b'"KEY"' in response.get_data()
    assert isinstance(response, embedded.application.response_class)


def test_a_hosts_limit_of_a_body_is_for_its_own_routes(embedded, get, ask):
    assert get(embedded, "/size", "POST", data=b"x" * 51).status_code == 418
    assert ask(embedded, f"/llm{CHAT}", model="echo").status_code == 200


def test_the_logging_of_a_host_is_left_alone(host, config):
    root, ours = logging.getLogger(), logging.getLogger("llmproxy")
    before = list(root.handlers), root.level, list(ours.handlers), ours.level, ours.propagate
    LLMProxy(host, url_prefix="/llm", config=config)
    create_blueprint(config)
    assert before == (list(root.handlers), root.level, list(ours.handlers), ours.level, ours.propagate)


def test_a_host_gets_no_handlers_and_no_hooks_of_ours(config):
    app = Flask("bare")
    LLMProxy(app, url_prefix="/llm", config=config)
    hooks = [app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs, app.error_handler_spec]
    assert not any(hooks)


# Our own, within a host


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/llm/nowhere", None, 404, "not_found"),
        ("GET", "/llm/", None, 404, "not_found"),
        ("GET", "/llm", None, 404, "not_found"),
        ("GET", f"/llm{CHAT}", None, 405, "method_not_allowed"),
        ("TRACE", f"/llm{CHAT}", None, 405, "method_not_allowed"),
        ("POST", f"/llm{CHAT}", "{", 400, "invalid_json"),
        ("POST", f"/llm{CHAT}", json.dumps({**ECHO, "model": "../x"}), 404, "model_not_found"),
    ],
)
def test_our_errors_keep_our_shape(embedded, get, method, path, body, status, code):
    response = get(embedded, path, method, data=body, content_type="application/json")
    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert response.content_type == "application/json"
    assert response.headers["x-request-id"]


def test_a_failure_of_the_upstream_keeps_our_shape(embedded, ask, up):
    up.post(CHAT_URL, status=500)
    response = ask(embedded, f"/llm{CHAT}")
    assert (response.status_code, response.json["error"]["code"]) == (502, "upstream_error")


def test_a_bug_of_ours_keeps_our_shape(embedded, ask, monkeypatch):
    monkeypatch.setattr("llmproxy.routing.router.Router.targets", lambda *_: 1 / 0)
    assert ask(embedded, f"/llm{CHAT}").json["error"]["code"] == "internal_error"


@pytest.mark.parametrize("path", ["/llm/livez", "/llm/readyz", "/llm/v1/models", "/llm/v1/models/echo"])
def test_our_paths_are_below_the_prefix(embedded, get, path):
    response = get(embedded, path)
    assert response.status_code == 200
    assert response.is_json


def test_our_answers_are_not_written_by_the_hosts_json(embedded, ask):
    assert ask(embedded, f"/llm{CHAT}", model="echo").json["choices"][0]["message"]["content"] == "hello"


@pytest.mark.parametrize("stream", [False, True])
def test_a_late_answer_keeps_what_the_host_has_put_on_it(embedded, ask, up, stream):
    body, kind = (STREAM, "text/event-stream") if stream else (json.dumps(completion()), "application/json")
    up.post(CHAT_URL, body=body, content_type=kind)
    headers = ask(embedded, f"/llm{CHAT}", stream=stream).headers
    assert headers["X-Host"] == "after"
    assert headers.getlist("Access-Control-Allow-Origin") == ["https://host.example"]
    assert headers.getlist("Content-Type") == ["text/event-stream; charset=utf-8" if stream else "application/json"]
    assert headers["x-llmproxy-llm"] == "up"


def test_a_host_that_replaces_our_answer_has_sent_nothing(host, config, ask, up):
    LLMProxy(host, url_prefix="/llm", config=config)
    host.after_request(lambda response: flask.Response("replaced", 503))
    response = ask(host.test_client(), f"/llm{CHAT}")
    assert (response.status_code, response.get_data()) == (503, b"replaced")
    assert not up.calls


def test_a_host_that_answers_before_us_has_sent_nothing(host, config, ask, up):
    LLMProxy(host, url_prefix="/llm", config=config)
    host.before_request(lambda: ("closed", 503))
    assert ask(host.test_client(), f"/llm{CHAT}").get_data() == b"closed"
    assert not up.calls


@pytest.mark.parametrize("stream", [False, True])
def test_a_host_that_reads_answers_does_not_break_ours(host, config, ask, up, stream):
    LLMProxy(host, url_prefix="/llm", config=config)
    seen = []

    @host.after_request
    def look(response):
        seen.append(response.get_data())
        if response.is_json:
            seen.append(response.get_json())
        return response

    body, kind = (STREAM, "text/event-stream") if stream else (json.dumps(completion()), "application/json")
    up.post(CHAT_URL, body=body, content_type=kind)
    response = ask(host.test_client(), f"/llm{CHAT}", stream=stream, stream_options={"include_usage": True})
    assert (response.status_code, response.get_data()) == (200, body if stream else body.encode())
    assert seen == [b""]


@pytest.mark.parametrize("stream", [False, True])
def test_a_host_that_compresses_answers_does_not_break_ours(host, config, ask, up, stream):
    LLMProxy(host, url_prefix="/llm", config=config)

    @host.after_request
    def compress(response):
        response.direct_passthrough = False
        response.set_data(gzip.compress(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["ETag"] = '"of nothing"'
        return response

    body, kind = (STREAM, "text/event-stream") if stream else (json.dumps(completion()), "application/json")
    up.post(CHAT_URL, body=body, content_type=kind)
    response = ask(host.test_client(), f"/llm{CHAT}", stream=stream, stream_options={"include_usage": True})
    assert response.get_data() == (body if stream else body.encode())
    assert "Content-Encoding" not in response.headers
    assert response.headers.get("Content-Length") == (None if stream else str(len(body)))
    assert "ETag" not in response.headers


def test_what_a_host_wants_done_at_the_end_is_done(host, config, client, up):
    LLMProxy(host, url_prefix="/llm", config=config)
    done = []
    host.after_request(lambda response: response.call_on_close(lambda: done.append(1)) and response)
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    response = host.test_client().post(f"/llm{CHAT}", json={**ECHO, "model": "up/m", "stream": True})
    response.get_data()
    response.close()
    assert done == [1]


def test_a_host_may_have_read_the_body(host, config, ask):
    LLMProxy(host, url_prefix="/llm", config=config)
    host.config["MAX_CONTENT_LENGTH"] = None
    host.before_request(lambda: flask.request.get_data() and None)
    assert ask(host.test_client(), f"/llm{CHAT}", model="echo").status_code == 200


# At a host's root


def test_without_a_prefix_unknown_paths_stay_the_hosts(host, config, get):
    LLMProxy(host, config=config)
    client = host.test_client()
    assert get(client, "/livez").status_code == 200
    for path in ("/nowhere", "/v1", "/v1/nowhere", "/"):
        assert get(client, path).get_data() == b"host 404"
    assert get(client, "/own").status_code == 200


def test_without_a_prefix_doubled_slashes_are_no_redirect(host, config, get):
    LLMProxy(host, config=config)
    response = get(host.test_client(), "/v1//models")
    assert (response.status_code, response.get_data()) == (404, b"host 404")


# Several in one application


def test_two_instances_have_their_own_configuration(load, ask, get, up):
    app = Flask("host")
    one = load(upstream(models=["first"]), {"UP_KEY": "one"})
    two = load({**upstream(models=["second"]), "server": {"max_body_mb": 0.0001}}, {"UP_KEY": "two"})
    LLMProxy(app, url_prefix="/one", config=one)
    LLMProxy(app, url_prefix="/two", config=two)
    client = app.test_client()
    up.post(CHAT_URL, json=completion(), match=[matchers.header_matcher({"Authorization": "Bearer one"})])
    assert ask(client, f"/one{CHAT}", model="first").status_code == 200
    assert ask(client, f"/two{CHAT}", model="first" + "x" * 200).status_code == 413
    assert [model["id"] for model in get(client, "/two/v1/models").json["data"]] == ["second", "echo"]
    assert len(app.extensions["llmproxy"]) == 2


def test_one_instance_may_stand_in_two_applications(config, ask):
    proxy = LLMProxy(config=config)
    for prefix in ("/a", "/b"):
        app = Flask("host")
        proxy.init_app(app, url_prefix=prefix)
        assert ask(app.test_client(), f"{prefix}{CHAT}", model="echo").status_code == 200


def test_an_instance_may_stand_beside_an_application_of_ours(config, ask):
    app = create_app(config)
    LLMProxy(app, url_prefix="/other", config=config)
    assert ask(app.test_client(), f"/other{CHAT}", model="echo").status_code == 200


def test_a_blueprint_alone_will_do(host, config, get, ask):
    host.register_blueprint(create_blueprint(config), url_prefix="/ai")
    client = host.test_client()
    assert ask(client, f"/ai{CHAT}", model="echo").status_code == 200
    assert get(client, "/ai/nowhere").json["error"]["code"] == "not_found"
    assert get(client, "/nowhere").get_data() == b"host 404"


def test_a_blueprint_asks_the_host_who_is_calling(config, ask):
    app = Flask("host")
    app.register_blueprint(create_blueprint(config, authenticate=lambda: None), url_prefix="/ai")
    assert ask(app.test_client(), f"/ai{CHAT}", model="echo").status_code == 401


def test_blueprints_have_names_of_their_own(config):
    assert create_blueprint(config).name != create_blueprint(config).name


def test_auto_holds_in_a_host_as_well(embedded, ask):
    assert ask(embedded, f"/llm{CHAT}", model="echo", environ={"REMOTE_ADDR": "10.0.0.1"}).status_code == 401


# In process


@pytest.fixture
def proxy(config):
    return LLMProxy(config=config)


HELLO = [{"role": "user", "content": "hello"}]


def test_a_chat_in_process_is_an_answer(proxy, up):
    asked = {"model": "m", "messages": HELLO, "temperature": 0}
    up.post(CHAT_URL, json=completion("hi"), match=[matchers.json_params_matcher(asked)])
    answer = proxy.chat("up/m", HELLO, temperature=0)
    assert (answer.text, answer.reason, answer.usage.total) == ("hi", "stop", 12)


def test_a_streamed_chat_in_process_is_deltas(proxy, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    start, *said, counted = proxy.chat("up/m", HELLO, stream=True)
    assert start.id == "c1"
    assert said == [Opened(0, Text()), Appended(0, "one "), Appended(0, "two"), Closed(0), End("stop")]
    assert counted.usage.total == 12


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_in_process_raises_our_errors_at_the_call(proxy, up, stream):
    up.post(CHAT_URL, status=500)
    with pytest.raises(ProviderError):
        proxy.chat("up/m", HELLO, stream=stream)
    with pytest.raises(ModelNotFound):
        proxy.chat("../x", HELLO, stream=stream)
    with pytest.raises(ParseError):
        proxy.chat("up/m", [], stream=stream)


@pytest.mark.parametrize("rest", [{"error": {"message": "x", "type": "y"}}, "{nonsense", None])
def test_a_stream_in_process_that_breaks_raises(proxy, up, rest):
    said = sse(chunk({"content": "one"}), *([rest] if rest else []))
    up.post(CHAT_URL, body=said, content_type="text/event-stream")
    said = []
    with pytest.raises(ProviderError):
        said.extend(map(said.append, proxy.chat("up/m", HELLO, stream=True)))
    assert Appended(0, "one") in said


@pytest.mark.parametrize(
    ("body", "outcome"),
    [({}, "settled"), ({"model": "../x"}, "void"), ({"messages": []}, "void"), ({"stream": True}, "settled")],
)
def test_a_chat_in_process_leaves_one_line(proxy, logged, body, outcome):
    body = {"model": "echo", "messages": HELLO, **body}
    with contextlib.suppress(ModelNotFound, ParseError):
        answer = proxy.chat(**body)
        assert isinstance(answer, Answer) or list(answer)
    assert [facts["outcome"] for facts in logged.requests] == [outcome]
    assert logged.requests[0]["route"] == "chat"


def test_a_chat_in_process_takes_any_model_whatever_clients_may_use(load):
    config = load({"client": {"ci": {"token_env": "CI_KEY", "models": []}}}, {"CI_KEY": "x"})
    assert LLMProxy(config=config).chat("echo", HELLO).text == "hello"


def test_a_chat_in_process_passes_the_processors_of_the_root(load):
    processor = {"be": {"type": "defaults", "params": {"seed": 7}}}
    config = load(
        {**upstream(), "processor": processor, "route": [{"path_prefix": "/", "processors": ["be"]}]}, {"UP_KEY": "x"}
    )
    with responses.RequestsMock() as mock:
        mock.post(f"{BASE_URL}/chat/completions", json=completion())
        LLMProxy(config=config).chat("up/m", HELLO)
        assert json.loads(mock.calls[0].request.body)["seed"] == 7


# An application of our own


def test_an_application_is_made_from_a_dict_a_path_or_nothing(folder, get, monkeypatch):
    monkeypatch.delenv("LLMPROXY_CONFIG", raising=False)
    (folder / "llmproxy.toml").write_text('[model.smart]\ntargets = ["echo/x"]\n')
    for source in (None, folder / "llmproxy.toml", {"model": {"smart": {"targets": ["echo/x"]}}}):
        assert get(create_app(source).test_client(), "/v1/models/smart").status_code == 200


@pytest.mark.parametrize("make", [create_app, create_blueprint, lambda config: LLMProxy(config=config)])
def test_what_an_operator_should_look_at_is_logged(load, caplog, capsys, make):
    make(load(upstream(verify=False)))
    logged = caplog.text or capsys.readouterr().err
    assert logged.count("verify = false in [llm.up]: anybody between can read the token and change the answers") == 1


def test_our_server_has_told_it_before(load, caplog, capsys, monkeypatch):
    monkeypatch.setattr(HANDED, "document", object())
    create_app(load(upstream(verify=False)))
    assert (caplog.text, capsys.readouterr().err) == ("", "")
