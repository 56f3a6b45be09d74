import pytest
from fakes import BASE_URL, CHAT_URL, STREAM

ORIGIN = "https://app.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture
def shared(make_app):
    """Calls an application that two origins may use."""
    return make_app({"server": {"cors_allowed_origins": [ORIGIN, "http://localhost:5173"]}}).test_client()


def cors(response):
    return {name.lower(): value for name, value in response.headers if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/livez", "/nowhere"])
def test_cross_origin_requests_are_off_by_default(client, get, path):
    for method in ("OPTIONS", "GET", "POST"):
        assert cors(get(client, path, method, headers=PREFLIGHT)) == {}


def test_an_allowed_origin_is_repeated(shared, ask):
    response = ask(shared, model="echo", headers={"Origin": ORIGIN})
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in response.headers["Vary"]


def test_credentials_are_never_allowed(shared, get):
    assert "access-control-allow-credentials" not in cors(get(shared, "/v1/models", "OPTIONS", headers=PREFLIGHT))


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://app.example.evil.example", "http://app.example", f"{ORIGIN}:8443", "null"],
)
def test_no_other_origin_is_allowed(shared, ask, origin):
    assert cors(ask(shared, model="echo", headers={"Origin": origin})) == {}


def test_a_caller_that_is_no_browser_sees_nothing_of_it(shared, ask):
    assert cors(ask(shared, model="echo")) == {}


def test_a_browser_may_ask_before_it_calls(shared, get):
    response = get(shared, "/v1/chat/completions", "OPTIONS", headers=PREFLIGHT)
    assert response.status_code == 204
    assert cors(response) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "OPTIONS, POST",
        "access-control-allow-headers": "authorization",
        "access-control-expose-headers": "*",
        "access-control-max-age": "600",
    }


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/chat/completions", {"POST"}),
        ("/v1beta/models/m:generateContent", {"POST"}),
        ("/v1/models", {"GET", "HEAD"}),
        ("/passthrough/up/files/1", {"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"}),
    ],
)
def test_a_browser_may_use_the_methods_of_the_path(shared, get, path, methods):
    told = cors(get(shared, path, "OPTIONS", headers=PREFLIGHT))["access-control-allow-methods"]
    assert set(told.split(", ")) == {*methods, "OPTIONS"}


SDK_HEADERS = [
    "authorization, content-type, x-stainless-os",
    "anthropic-beta, anthropic-dangerous-direct-browser-access, anthropic-version, content-type, x-api-key",
    "content-type, x-goog-api-client, x-goog-api-key",
]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1beta/models/m:generateContent", "/passthrough/up/files"])
@pytest.mark.parametrize("headers", SDK_HEADERS)
def test_a_vendors_sdk_may_send_its_headers(shared, get, path, headers):
    preflight = {**PREFLIGHT, "Access-Control-Request-Headers": headers}
    assert cors(get(shared, path, "OPTIONS", headers=preflight))["access-control-allow-headers"] == headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_browser_can_read_what_is_passed_through(shared, get, up, method):
    up.add(method, f"{BASE_URL}/files/1", json={})
    response = get(shared, "/passthrough/up/files/1", method, headers={"Origin": ORIGIN})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert response.headers["Access-Control-Expose-Headers"] == "*"


def test_a_browser_needs_no_key_to_ask(make_app, get):
    server = {"cors_allowed_origins": [ORIGIN], "auth": "keys"}
    response = get(make_app({"server": server}).test_client(), "/v1/models", "OPTIONS", headers=PREFLIGHT)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)


@pytest.mark.parametrize(
    ("path", "arguments", "status"),
    [
        ("/v1/chat/completions", {"raw": "{"}, 400),
        ("/nowhere", {}, 404),
        ("/v1/models", {}, 405),
    ],
)
def test_a_browser_can_read_errors(shared, ask, path, arguments, status):
    response = ask(shared, path, headers={"Origin": ORIGIN}, **arguments)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_a_browser_can_read_a_refusal_of_its_key(make_app, ask):
    server = {"cors_allowed_origins": [ORIGIN], "auth": "keys"}
    response = ask(make_app({"server": server}).test_client(), headers={"Origin": ORIGIN})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


def test_a_browser_can_read_streams(shared, ask, up):
    up.post(CHAT_URL, body=STREAM, content_type="text/event-stream")
    response = ask(shared, stream=True, headers={"Origin": ORIGIN})
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_every_origin_may_be_allowed(make_app, ask):
    client = make_app({"server": {"cors_allowed_origins": ["*"]}}).test_client()
    response = ask(client, model="echo", headers={"Origin": "https://anywhere.example"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
