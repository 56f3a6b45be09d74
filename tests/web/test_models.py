import pytest
from fakes import upstream

CONFIG = {
    **upstream(models=["gpt-5", "gpt-4*", "org/open-model"]),
    "model": {"smart": {"targets": ["up/big"]}, "later": {"targets": ["claude/haiku"]}},
}
CONFIG["llm"]["claude"] = {"provider": "anthropic", "token_env": "NOT_SET"}


@pytest.fixture
def listing(make_app):
    return make_app(CONFIG).test_client()


def test_models_are_listed_in_openais_shape(listing, get):
    response = get(listing, "/v1/models")
    assert response.content_type == "application/json"
    assert response.json["object"] == "list"
    assert response.json["data"][0] == {"id": "smart", "object": "model", "created": 0, "owned_by": "up"}


def test_names_of_ours_and_names_without_a_glob_and_echo_are_listed(listing, get):
    ids = [model["id"] for model in get(listing, "/v1/models").json["data"]]
    assert ids == ["smart", "later", "gpt-5", "org/open-model", "echo"]


def test_no_upstream_is_asked(listing, get, up):
    assert get(listing, "/v1/models").status_code == 200
    assert not up.calls


def test_a_list_has_a_request_id(listing, get):
    assert get(listing, "/v1/models", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"


@pytest.mark.parametrize("name", ["smart", "gpt-5", "echo", "gpt-4o", "up/anything", "up/org/nested/name"])
def test_a_model_that_answers_is_shown(listing, get, name):
    response = get(listing, f"/v1/models/{name}")
    assert (response.status_code, response.json["id"]) == (200, name)


@pytest.mark.parametrize("path", ["org/open-model", "org%2Fopen-model", "up%2Forg%2Fname", "up/org%2fname"])
def test_slashes_in_a_name_may_be_plain_or_encoded(listing, get, path):
    response = get(listing, f"/v1/models/{path}")
    assert response.json["id"] == path.replace("%2F", "/").replace("%2f", "/")


def test_a_model_that_does_not_answer_is_not_found(listing, get):
    response = get(listing, "/v1/models/gpt-6")
    assert (response.status_code, response.json["error"]["code"]) == (404, "model_not_found")
    assert response.json["error"]["param"] == "model"


@pytest.mark.parametrize("name", ["..%2f..%2fadmin", "http:%2f%2f169.254.169.254%2f", "a%00b", "x" * 300])
def test_names_that_no_model_could_have_are_not_found(listing, get, name):
    assert get(listing, f"/v1/models/{name}").status_code == 404


def test_models_are_listed_below_every_route(make_app, get):
    routes = [{"path_prefix": "/team-a"}, {"path_prefix": "/team-b/v1/chat/completions"}]
    client = make_app({**CONFIG, "route": routes}).test_client()
    assert get(client, "/team-a/v1/models").status_code == 200
    assert get(client, "/team-a/v1/models/smart").status_code == 200
    assert get(client, "/v1/models").status_code == 404


def test_a_list_can_be_asked_for_its_head(listing, get):
    response = get(listing, "/v1/models", "HEAD")
    assert (response.status_code, response.get_data()) == (200, b"")


# In the words of other dialects

ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-key": "any"}


def test_models_are_listed_in_anthropics_shape_to_its_clients(listing, get):
    body = get(listing, "/v1/models", headers=ANTHROPIC).json
    ends = (body["first_id"], body["last_id"], body["has_more"])
    assert ends == ("smart", "echo", False)
    assert body["data"][0] == {
        "type": "model",
        "id": "smart",
        "display_name": "smart",
        "created_at": "1970-01-01T00:00:00Z",
    }


def test_an_empty_list_in_anthropics_shape_has_no_ends(make_app, get):
    clients = {"client": {"ci": {"token_env": "CI_KEY", "models": []}}}
    client = make_app({**CONFIG, **clients}, {"CI_KEY": "k"}).test_client()
    body = get(client, "/v1/models", headers={**ANTHROPIC, "x-api-key": "k"}).json
    assert body == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_an_answer_to_anthropics_clients_has_its_id_where_they_look(listing, get):
    headers = get(listing, "/v1/models", headers={**ANTHROPIC, "x-request-id": "mine"}).headers
    assert (headers["request-id"], headers["x-request-id"]) == ("mine", "mine")


@pytest.mark.parametrize(
    ("path", "headers"), [("/v1beta/models", {}), ("/v1beta/models", GOOGLE), ("/v1/models", GOOGLE)]
)
def test_models_are_listed_in_googles_shape(listing, get, path, headers):
    models = get(listing, path, headers=headers).json["models"]
    assert models[3] == {
        "name": "models/org/open-model",
        "displayName": "org/open-model",
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }


@pytest.mark.parametrize("name", ["smart", "org/open-model", "org%2Fopen-model", "up/anything"])
def test_one_model_is_shown_in_googles_shape(listing, get, name):
    assert get(listing, f"/v1beta/models/{name}").json["displayName"] == name.replace("%2F", "/")


def test_a_call_of_a_model_is_not_taken_for_its_name(listing, get):
    asked = {"contents": [{"parts": [{"text": "hello"}]}]}
    answer = get(listing, "/v1beta/models/echo:generateContent", "POST", json=asked)
    assert answer.json["candidates"][0]["content"]["parts"][0]["text"] == "hello"


def test_models_are_listed_in_ollamas_shape(listing, get):
    models = get(listing, "/api/tags").json["models"]
    assert [(model["name"], model["model"]) for model in models][:2] == [("smart", "smart"), ("later", "later")]


def test_ollamas_clients_ask_for_a_version_and_for_one_model(listing, get):
    assert set(get(listing, "/api/version").json) == {"version"}
    assert "completion" in get(listing, "/api/show", "POST", json={"model": "smart"}).json["capabilities"]


@pytest.mark.parametrize(
    ("raw", "status"), [(b'{"model": "nope"}', 404), (b"{}", 400), (b"{", 400), (b"[]", 400), (b'{"model": 1}', 400)]
)
def test_a_model_that_cannot_be_shown_is_told_in_ollamas_shape(listing, get, raw, status):
    response = get(listing, "/api/show", "POST", data=raw, content_type="application/json")
    assert response.status_code == status
    assert isinstance(response.json["error"], str)


LISTS = {
    "/v1/models": ("Authorization", "Bearer {}"),
    "/v1beta/models": ("x-goog-api-key", "{}"),
    "/api/tags": ("Authorization", "Bearer {}"),
}


@pytest.mark.parametrize("path", LISTS)
def test_each_dialects_own_key_header_opens_its_list_of_what_this_client_may_use(make_app, get, path):
    clients = {"client": {"ci": {"token_env": "CI_KEY", "models": ["gpt-*"]}}}
    client = make_app({**CONFIG, **clients}, {"CI_KEY": "ci-key"}).test_client()
    header, form = LISTS[path]
    response = get(client, path, headers={header: form.format("ci-key")})
    assert response.status_code == 200
    assert (b"gpt-5" in response.get_data(), b"smart" in response.get_data()) == (True, False)


@pytest.mark.parametrize(
    ("path", "headers", "read"),
    [
        ("/v1/models", {}, lambda body: body["error"]["code"] == "invalid_api_key"),
        ("/v1/models", ANTHROPIC, lambda body: body["error"]["type"] == "authentication_error"),
        ("/v1/models", GOOGLE, lambda body: body["error"]["status"] == "UNAUTHENTICATED"),
        ("/v1beta/models", {}, lambda body: body["error"]["status"] == "UNAUTHENTICATED"),
        ("/api/tags", {}, lambda body: body == {"error": "The API key is missing or not valid."}),
    ],
)
def test_a_missing_key_is_told_in_the_shape_of_the_list(make_app, get, path, headers, read):
    response = get(make_app({"server": {"auth": "keys"}}).test_client(), path, headers=headers)
    assert response.status_code == 401
    assert read(response.json)


@pytest.mark.parametrize(
    ("method", "path", "status", "read"),
    [
        ("GET", "/v1beta/nowhere", 404, lambda body: body["error"]["status"] == "NOT_FOUND"),
        ("POST", "/v1beta/models/m:embedContent", 405, lambda body: body["error"]["code"] == 405),
        ("GET", "/v1beta/models/m:generateContent", 405, lambda body: body["error"]["code"] == 405),
        ("GET", "/api/nowhere", 404, lambda body: body == {"error": "There is nothing at this path."}),
        ("GET", "/api/chat", 405, lambda body: isinstance(body["error"], str)),
        ("GET", "/v1/messages", 405, lambda body: body["type"] == "error"),
        ("POST", "/v1/messages/batches", 404, lambda body: body["error"]["type"] == "not_found_error"),
        ("GET", "/v1/nowhere", 404, lambda body: body["error"]["code"] == "not_found"),
    ],
)
def test_what_is_not_there_is_told_in_the_shape_of_the_dialect_it_looks_like(listing, get, method, path, status, read):
    response = get(listing, path, method)
    assert response.status_code == status
    assert read(response.json)


def test_an_unknown_model_is_told_in_the_shape_of_the_list(listing, get):
    assert get(listing, "/v1/models/nope", headers=ANTHROPIC).json["error"]["type"] == "not_found_error"
    assert get(listing, "/v1beta/models/nope").json["error"]["status"] == "NOT_FOUND"
