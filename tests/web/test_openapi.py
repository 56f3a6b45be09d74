import json
import subprocess
import sys

import flask
import pytest
from dialects.samples import ANSWERS, REQUESTS
from fuzz.bodies import AWKWARD, mutated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmproxy import LLMProxy, create_app
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import CODES, LLMProxyError
from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.dialects.paths import templates_of

PATH = "/openapi.json"
CLIENTS = {"client": {"ci": {"token_env": "CI_KEY"}}}
KEYS = [{"bearer": []}, {"x-api-key": []}]


@pytest.fixture
def described(load, get):
    """The description of an application, as it is served."""

    def describe(config=None, env=None):
        return get(create_app(load(config, env)).test_client(), PATH).json

    return describe


def content_of(description, path, status="200"):
    return description["paths"][path]["post"]["responses"][status]["content"]


# Where it stands


def test_it_is_read_without_a_key(make_app, get):
    response = get(make_app({"server": {"auth": "keys"}}).test_client(), PATH)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.headers["x-request-id"]


def test_it_is_not_logged(client, get, logged):
    get(client, PATH)
    assert logged.requests == []


def test_it_stays_at_the_root_whatever_routes_say(make_app, get):
    client = make_app({"route": [{"path_prefix": "/team-a"}]}).test_client()
    assert get(client, PATH).status_code == 200
    assert get(client, f"/team-a{PATH}").status_code == 404


def test_it_cannot_be_posted(client, get):
    assert get(client, PATH, "POST").status_code == 405


@pytest.mark.parametrize("prefix", ["/llm", "/a/b"])
def test_it_says_below_which_prefix_the_paths_are(load, get, prefix):
    host = flask.Flask("host")
    LLMProxy(host, url_prefix=prefix, config=load())
    assert get(host.test_client(), prefix + PATH).json["servers"] == [{"url": prefix}]


def test_it_says_where_an_application_is_mounted(client, get):
    assert get(client, PATH, environ_overrides={"SCRIPT_NAME": "/mounted"}).json["servers"] == [{"url": "/mounted"}]


def test_at_the_root_the_paths_are_at_the_root(described):
    assert described()["servers"] == [{"url": "/"}]


def test_what_makes_it_is_not_loaded_before_it_is_asked_for():
    code = "import sys, llmproxy; llmproxy.create_app({}); print('apispec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# What it says


def test_every_path_is_in_it_and_no_other(load, get):
    app = create_app(load({"route": [{"path_prefix": "/"}, {"path_prefix": "/team-a"}]}))
    rules = {rule.rule for rule in app.url_map.iter_rules() if not rule.endpoint.endswith(".unknown")}
    wanted = {path for rule in rules for path, _ in templates_of(rule)}
    assert set(get(app.test_client(), PATH).json["paths"]) == wanted


def test_a_route_that_is_a_whole_path_is_in_it(described):
    assert next(iter(described({"route": [{"path_prefix": "/x/v1/messages"}]})["paths"])) == "/x/v1/messages"


def test_it_names_neither_models_nor_llms_nor_clients(make_app, get):
    config = {"model": {"secret-model": {"targets": [{"llm": "up", "model": "secret-target"}]}}, **CLIENTS}
    text = get(make_app(config, {"CI_KEY": "ci-key"}).test_client(), PATH).get_data(as_text=True)
    assert [word for word in ("secret", "up.example", "UP_KEY", "ci-key", '"ci"', '"up"', "echo") if word in text] == []


def test_it_says_where_keys_may_be(described):
    post = described(CLIENTS, {"CI_KEY": "k"})["paths"]["/v1/messages"]["post"]
    assert post["security"] == KEYS


def test_where_no_key_is_asked_for_it_asks_for_none(described):
    assert described({"server": {"auth": "none"}})["paths"]["/v1/messages"]["post"]["security"] == []


def test_health_asks_for_no_key(described):
    assert described(CLIENTS, {"CI_KEY": "k"})["paths"]["/livez"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/v1/chat/completions", {"application/json", "text/event-stream"}),
        ("/api/chat", {"application/json", "application/x-ndjson"}),
        ("/v1/embeddings", {"application/json"}),
        ("/v1/messages/count_tokens", {"application/json"}),
        ("/v1beta/models/{model}:generateContent", {"application/json"}),
        ("/v1beta/models/{model}:streamGenerateContent", {"application/json", "text/event-stream"}),
    ],
)
def test_it_says_in_what_forms_an_answer_comes(described, path, kinds):
    assert set(content_of(described(), path)) == kinds


def test_a_stream_of_frames_is_no_whole_answer(described):
    path = "/v1beta/models/{model}:streamGenerateContent"
    assert content_of(described(), path)["application/json"] == {}


@pytest.mark.parametrize(("path", "status"), [("/v1/messages", "529"), ("/v1/chat/completions", "503")])
def test_it_has_the_status_that_a_dialect_gives_an_error(described, path, status):
    assert status in described()["paths"][path]["post"]["responses"]


# Whether it is true


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", [*CLIENT_DIALECTS])
def test_every_error_has_the_shape_that_is_described(name, code):
    dialect = CLIENT_DIALECTS.get(name)()
    _, body = dialect.write_error(LLMProxyError(code=code), RequestContext())
    assert dialect.error_schema.validate(body) == {}
    assert dialect.error_schema.validate({"wrong": body})


@pytest.mark.parametrize("name", [*CLIENT_DIALECTS])
def test_an_answer_has_the_shape_that_is_described(name):
    assert CLIENT_DIALECTS.get(name).answer_schema.validate(ANSWERS[name]) == {}


def halves(value):
    """The value without floats that are whole, which are integers to JSON Schema, and to us not."""
    if isinstance(value, dict):
        return {name: halves(each) for name, each in value.items()}
    if isinstance(value, list):
        return [halves(each) for each in value]
    return 0.5 if isinstance(value, float) and value.is_integer() else value


def encodable(value):
    """Without lone surrogates, which the validator cannot be given."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


@pytest.fixture
def validator(described):
    """Whether a body is as it is described."""
    jsonschema = pytest.importorskip("jsonschema_rs", reason="schemathesis is not installed")
    description = described()

    def of(dialect):
        path, _ = templates_of(dialect.paths[0])[0]
        wanted = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        return jsonschema.Draft202012Validator({**wanted, "components": description["components"]})

    return of


@pytest.mark.parametrize("name", REQUESTS)
def test_it_is_as_strict_as_we_are_with_each_member(validator, name):
    dialect = CLIENT_DIALECTS.get(name)
    described = validator(dialect)
    for member in dialect.schema.fields:
        for value in AWKWARD:
            body = encodable(halves({**REQUESTS[name], member: value}))
            assert described.is_valid(body) == (dialect.schema.validate(body) == {}), (member, value)
        rest = {known: value for known, value in REQUESTS[name].items() if known != member}
        assert described.is_valid(rest) == (dialect.schema.validate(rest) == {}), member


@pytest.mark.parametrize("name", REQUESTS)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_it_is_as_strict_as_we_are_and_no_stricter(validator, name, data):
    dialect = CLIENT_DIALECTS.get(name)
    body = encodable(halves(data.draw(mutated(REQUESTS[name]))))
    assert validator(dialect).is_valid(body) == (dialect.schema.validate(body) == {})
