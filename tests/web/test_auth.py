import io
import json
from types import SimpleNamespace

import pytest
from fakes import CHAT_URL, completion

from llmproxy import LLMProxy

CLIENTS = {"client": {"ci": {"token_env": "CI_KEY"}}}
BODY = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def keyed(make_app):
    """Calls an application with one client, whose key is `ci-key`."""
    return make_app(CLIENTS, {"CI_KEY": "ci-key"}).test_client()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


class Unreadable(io.RawIOBase):
    """A body that must not be read."""

    def readinto(self, buffer):
        raise AssertionError("the body was read")


def test_a_client_is_let_in_by_its_key(keyed, ask):
    assert ask(keyed, headers=bearer("ci-key"), model="echo").status_code == 200


def test_the_scheme_is_spelled_in_any_case(keyed, ask):
    assert ask(keyed, headers={"Authorization": "bearer ci-key"}, model="echo").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer ci-key x"},
        {"Authorization": "Bearer CI-KEY"},
        {"Authorization": "Basic Y2kta2V5"},
        {"Authorization": "ci-key"},
        {"Authorization": "Bearer kéy"},
        {"Authorization": "Bearer ' OR 1=1--"},
        {"Authorization": "Bearer " + "k" * 5000},
        {"x-api-key": "ci-key"},
        {"x-goog-api-key": "ci-key"},
    ],
)
def test_any_other_key_is_refused_with_the_same_answer(keyed, ask, headers):
    response = ask(keyed, headers=headers, model="echo")
    assert response.status_code == 401
    assert response.json == {
        "error": {
            "message": "The API key is missing or not valid.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
    }


def test_a_refusal_says_what_is_wanted(keyed, ask):
    response = ask(keyed)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-llmproxy-error"] == "invalid_api_key"


@pytest.mark.parametrize("name", ["key", "api_key", "api-key", "access_token", "x-api-key", "token"])
def test_a_key_in_the_url_is_never_accepted(keyed, ask, name):
    assert ask(keyed, f"/v1/chat/completions?{name}=ci-key", model="echo").status_code == 401


def test_the_query_string_is_not_logged(keyed, ask, logged):
    ask(keyed, "/v1/chat/completions?key=canary", model="echo")
    assert len(logged.requests) == 1
    assert "canary" not in logged.text


def test_a_wrong_key_is_not_logged(keyed, ask, logged):
    ask(keyed, headers=bearer("canary"))
    assert len(logged.requests) == 1
    assert "canary" not in logged.text


def test_the_body_of_a_caller_without_a_key_is_not_read(keyed):
    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(10_000_000)}
    response = keyed.post("/v1/chat/completions", environ_overrides=environ, content_type="application/json")
    assert response.status_code == 401
    response.close()


@pytest.mark.parametrize("raw", ["[" * 100_000, "{", b"\xff" * 1000])
def test_a_bad_body_does_not_come_before_a_missing_key(keyed, ask, raw):
    assert ask(keyed, raw=raw).status_code == 401


def test_a_key_edited_in_the_env_file_counts_from_the_next_request_on(make_app, ask, folder):
    (folder / ".env").write_text("CI_KEY=old-key\n")
    client = make_app(CLIENTS).test_client()
    assert ask(client, headers=bearer("old-key"), model="echo").status_code == 200
    (folder / ".env").write_text("CI_KEY=newer-key\n")
    assert ask(client, headers=bearer("old-key"), model="echo").status_code == 401
    assert ask(client, headers=bearer("newer-key"), model="echo").status_code == 200


def test_a_client_without_its_secret_cannot_call_and_does_not_open_the_door(make_app, ask):
    client = make_app(CLIENTS).test_client()
    assert ask(client, model="echo").status_code == 401
    assert ask(client, headers=bearer(""), model="echo").status_code == 401


def test_a_models_list_is_for_those_who_may_call(keyed, get):
    assert get(keyed, "/v1/models").status_code == 401
    assert get(keyed, "/v1/models/echo").status_code == 401
    assert get(keyed, "/v1/models", headers=bearer("ci-key")).status_code == 200


def test_every_path_but_health_and_the_description_wants_a_key(keyed, get):
    served = {rule.rule: rule.methods for rule in keyed.application.url_map.iter_rules()}
    open_paths = [
        path
        for path in served
        for method in ("GET", "POST")
        if get(keyed, path.replace("<path:", "").replace(">", ""), method).status_code not in (401, 404, 405)
    ]
    assert sorted(set(open_paths)) == ["/livez", "/openapi.json", "/readyz"]


# auth = "auto" without clients


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_auto_lets_this_machine_in(client, ask, address):
    assert ask(client, model="echo", environ={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize("address", ["192.168.1.2", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "", "localhost", "unix"])
def test_auto_lets_nobody_else_in(client, ask, address):
    assert ask(client, model="echo", environ={"REMOTE_ADDR": address}).status_code == 401


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Server",
    ],
)
def test_auto_lets_nobody_in_whom_a_proxy_speaks_for(client, ask, name):
    assert ask(client, model="echo", headers={name: "127.0.0.1"}).status_code == 401


def test_auto_means_keys_as_soon_as_there_is_a_client(keyed, ask):
    assert ask(keyed, model="echo", environ={"REMOTE_ADDR": "127.0.0.1"}).status_code == 401


# The other modes


def test_none_lets_everybody_in(make_app, ask):
    client = make_app({"server": {"auth": "none"}}).test_client()
    environ = {"REMOTE_ADDR": "203.0.113.9"}
    assert ask(client, model="echo", environ=environ, headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 200


def test_keys_lets_nobody_in_while_there_are_no_clients(make_app, ask):
    client = make_app({"server": {"auth": "keys"}}).test_client()
    assert ask(client, model="echo").status_code == 401


# A host's own say


@pytest.fixture
def hosted(load, ask, logged):
    """Asks echo in an application that authenticates by itself, and tells the status and who the log says it was."""
    from flask import Flask

    def ask_as(authenticate):
        app = Flask("host")
        LLMProxy(app, config=load(CLIENTS, {"CI_KEY": "ci-key"}), authenticate=authenticate)
        response = ask(app.test_client(), model="echo")
        return response.status_code, logged.requests[-1]["client"]

    return ask_as


class User:
    def __init__(self, **members):
        vars(self).update(members)


def test_a_host_says_who_is_calling_by_name(hosted):
    assert hosted(lambda: "alice") == (200, "alice")


def test_a_host_says_who_is_calling_by_an_object_with_a_name(hosted):
    assert hosted(lambda: User(name="alice", id=7)) == (200, "alice")


def test_a_host_says_who_is_calling_by_an_object_with_an_id(hosted):
    assert hosted(lambda: User(id=7)) == (200, "7")


@pytest.mark.parametrize("nobody", [None, False, "", 0])
def test_a_host_says_that_nobody_is_calling(hosted, nobody):
    assert hosted(lambda: nobody) == (401, None)


def test_a_proxy_object_for_nobody_is_nobody(hosted):
    from werkzeug.local import LocalProxy

    assert hosted(lambda: LocalProxy(lambda: None)) == (401, None)


def test_the_anonymous_user_of_a_login_extension_is_nobody(hosted):
    assert hosted(lambda: SimpleNamespace(is_authenticated=False, name="guest")) == (401, None)
    assert hosted(lambda: SimpleNamespace(is_authenticated=True, name="ann")) == (200, "ann")


def test_a_host_may_look_at_the_request(hosted):
    from flask import request

    assert hosted(lambda: request.headers.get("Content-Type")) == (200, "application/json")


def test_a_host_that_aborts_in_our_place_has_its_status(hosted):
    from flask import abort

    assert hosted(lambda: abort(401)) == (401, None)
    assert hosted(lambda: abort(403)) == (403, None)


def test_a_fault_of_the_hosts_lets_nobody_in(hosted):
    assert hosted(lambda: 1 / 0) == (500, None)


# What a client may use

LIMITED = {
    "client": {"ci": {"token_env": "CI_KEY", "models": ["up/gpt-*", "smart"]}},
    "model": {"smart": {"targets": ["up/big"]}, "other": {"targets": ["up/big"]}},
}


@pytest.fixture
def limited(make_app):
    return make_app(LIMITED, {"CI_KEY": "ci-key"}).test_client()


@pytest.mark.parametrize("model", ["up/gpt-5", "smart"])
def test_a_client_may_use_its_models(limited, ask, up, model):
    up.post(CHAT_URL, json=completion())
    assert ask(limited, headers=bearer("ci-key"), model=model).status_code == 200


@pytest.mark.parametrize("model", ["other", "echo", "up/big", "big", "up/GPT-5", "up/gpt", "SMART"])
def test_any_other_model_does_not_exist_for_it(limited, ask, up, model):
    response = ask(limited, headers=bearer("ci-key"), model=model)
    assert response.status_code == 404
    assert response.json["error"]["code"] == "model_not_found"


def test_what_a_client_may_not_use_is_not_suggested_to_it(limited, ask):
    message = ask(limited, headers=bearer("ci-key"), model="othe").json["error"]["message"]
    assert "Did you mean" not in message


def test_a_client_sees_its_models_only(limited, get):
    listed = get(limited, "/v1/models", headers=bearer("ci-key")).json["data"]
    assert [model["id"] for model in listed] == ["smart"]


def test_a_client_is_not_shown_other_models(limited, get):
    assert get(limited, "/v1/models/other", headers=bearer("ci-key")).status_code == 404
    assert get(limited, "/v1/models/smart", headers=bearer("ci-key")).status_code == 200


def test_a_client_with_an_empty_list_may_use_nothing(make_app, ask):
    client = make_app({"client": {"ci": {"token_env": "CI_KEY", "models": []}}}, {"CI_KEY": "ci-key"}).test_client()
    assert ask(client, headers=bearer("ci-key"), model="echo").status_code == 404


def test_a_duplicate_model_key_does_not_pass_the_list(limited, ask):
    raw = json.dumps(BODY)[:-1] + ', "model": "smart"}'
    assert ask(limited, headers=bearer("ci-key"), raw=raw).status_code == 400
