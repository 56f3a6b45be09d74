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
