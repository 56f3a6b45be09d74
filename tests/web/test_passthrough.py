import contextlib
import http.client
import io
import json
import threading

import pytest
import requests
from fakes import BASE_URL, upstream
from fakes import http as answer_of

from llmproxy import LLMClient

IMAGES = "/passthrough/up/images/generations"
KEYS = {
    "client": {
        "free": {"token_env": "FREE_KEY"},
        "limited": {"token_env": "LIMITED_KEY", "models": ["gpt-*"]},
        "chosen": {"token_env": "CHOSEN_KEY", "models": ["gpt-*"], "passthrough": ["up"]},
        "other": {"token_env": "OTHER_KEY", "passthrough": ["echo"]},
        "none": {"token_env": "NONE_KEY", "passthrough": []},
    },
    "llm": {**upstream()["llm"], "echo": {"provider": "echo"}},
}
ENV = {f"{name.upper()}_KEY": f"{name}-key" for name in KEYS["client"]}


@pytest.fixture
def keyed(make_app):
    """Calls an application with clients, each with a key of its own."""
    return make_app(KEYS, ENV).test_client()


def bearer(name):
    return {"Authorization": f"Bearer {name}-key"}


def sent(up):
    """The head of the first request that was sent upstream, names in lower case."""
    return {name.lower(): value for name, value in up.calls[0].request.headers.items()}


def code(response):
    return response.status_code, response.json["error"]["code"]


# What goes on


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_path_is_appended_to_the_base_url_whatever_the_method(client, get, up, method):
    up.add(method, f"{BASE_URL}/files/f1/content", json={"id": "f1"})
    response = get(client, "/passthrough/up/files/f1/content", method)
    assert (response.status_code, response.json) == (200, {"id": "f1"})


def test_the_token_of_the_llm_takes_the_place_of_the_key(keyed, get, up):
    up.post(f"{BASE_URL}/images/generations", json={})
    get(keyed, IMAGES, "POST", headers=bearer("free"), data=b"{}")
    assert sent(up)["authorization"] == "Bearer up-token"
    assert "free-key" not in str(up.calls[0].request.headers)


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key"])
def test_the_key_may_be_in_the_header_of_any_dialect_and_stays_here(keyed, get, up, header):
    up.get(f"{BASE_URL}/files", json={})
    assert get(keyed, "/passthrough/up/files", headers={header: "free-key"}).status_code == 200
    assert header not in sent(up)


def test_bytes_go_on_as_they_came(client, get, up):
    body = b"--b\r\nContent-Disposition: form-data\r\n\r\n\x00\xff\r\n--b--\r\n"
    up.post(f"{BASE_URL}/audio/transcriptions", json={})
    kind = "multipart/form-data; boundary=b"
    get(client, "/passthrough/up/audio/transcriptions", "POST", data=body, content_type=kind)
    assert up.calls[0].request.body == body
    assert sent(up)["content-type"] == kind
    assert sent(up)["content-length"] == str(len(body))


def test_the_query_string_goes_on_as_it_is(client, get, up):
    up.get(f"{BASE_URL}/files", json={})
    get(client, "/passthrough/up/files?limit=2&after=a%20b&limit=3")
    assert up.calls[0].request.url == f"{BASE_URL}/files?limit=2&after=a%20b&limit=3"


@pytest.mark.parametrize("path", ["model/arn%3Aaws%3Ax%2Fy/converse", "files/a%20b", "models/m:embed", "files/%C3%A9"])
def test_the_path_stays_as_it_was_encoded(client, get, up, path):
    up.get(f"{BASE_URL}/{path}", json={})
    get(client, f"/passthrough/up/{path}")
    assert up.calls[0].request.url == f"{BASE_URL}/{path}"


@pytest.mark.parametrize("told", ["", "/elsewhere", "/passthrough/up/../secret"])
def test_a_path_that_the_server_does_not_tell_as_it_came_is_encoded_anew(client, get, up, told):
    up.get(f"{BASE_URL}/files/a%20b%25", json={})
    environ = {"RAW_URI": told, "REQUEST_URI": told, "PATH_INFO": "/passthrough/up/files/a b%"}
    get(client, "/", environ_overrides=environ)
    assert up.calls[0].request.url == f"{BASE_URL}/files/a%20b%25"


def test_a_request_without_a_body_has_none_upstream(client, get, up):
    up.get(f"{BASE_URL}/files", json={})
    get(client, "/passthrough/up/files")
    assert up.calls[0].request.body is None
    assert not {"content-length", "content-type"} & sent(up).keys()


def test_nothing_else_of_the_clients_head_goes_on(keyed, get, up):
    up.get(f"{BASE_URL}/files", json={})
    canaries = ["Cookie", "X-Forwarded-For", "Host", "Connection", "TE", "Upgrade", "api-key", "Forwarded",
                "Proxy-Authorization", "OpenAI-Organization", "X-Amz-Date", "User-Agent"]  # fmt: skip
    get(keyed, "/passthrough/up/files", headers={**bearer("free"), **dict.fromkeys(canaries, "canary")})
    assert "canary" not in str(up.calls[0].request.headers)


def test_what_describes_the_body_and_the_answer_goes_on(client, get, up):
    up.get(f"{BASE_URL}/files", json={})
    head = {"Accept": "text/plain", "Range": "bytes=0-9", "OpenAI-Beta": "assistants=v2"}
    get(client, "/passthrough/up/files", headers=head)
    assert {name: sent(up)[name.lower()] for name in head} == head


def test_the_llms_own_headers_are_added(make_app, get, up):
    up.get(f"{BASE_URL}/files", json={})
    get(make_app(upstream(headers={"x-team": "search"})).test_client(), "/passthrough/up/files")
    assert sent(up)["x-team"] == "search"


@pytest.mark.parametrize(("method", "data"), [("GET", None), ("POST", b"\x00\xff")])
def test_a_provider_that_signs_signs_what_is_passed_on(make_app, get, up, method, data):
    pytest.importorskip("botocore", reason="botocore comes with the extra bedrock")
    url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Ax%2Fy/invoke"
    up.add(method, url, json={})
    bedrock = {"llm": {"aws": {"provider": "bedrock", "region": "us-east-1", "token_env": []}}}
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "aws-secret"}
    path = "/passthrough/aws/model/arn%3Aaws%3Ax%2Fy/invoke"
    assert get(make_app(bedrock, keys).test_client(), path, method, data=data).status_code == 200
    assert sent(up)["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")


# Who may


@pytest.mark.parametrize("name", ["free", "chosen"])
def test_it_is_open_to_clients_without_a_list_of_models_or_with_this_llm(keyed, get, up, name):
    up.get(f"{BASE_URL}/files", json={})
    assert get(keyed, "/passthrough/up/files", headers=bearer(name)).status_code == 200


@pytest.mark.parametrize("name", ["limited", "other", "none"])
@pytest.mark.parametrize("llm", ["up", "nowhere"])
def test_it_is_closed_to_all_others_and_does_not_say_what_there_is(keyed, get, up, name, llm):
    assert code(get(keyed, f"/passthrough/{llm}/files", headers=bearer(name))) == (403, "permission_denied")
    assert not up.calls


def test_nobody_passes_without_a_key_and_no_body_is_read(keyed, get, up):
    class Unreadable(io.RawIOBase):
        def readinto(self, buffer):
            raise AssertionError("the body was read")

    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": "9"}
    assert code(get(keyed, IMAGES, "POST", environ_overrides=environ)) == (401, "invalid_api_key")
    assert not up.calls


def test_it_stands_below_every_route(make_app, get, up):
    up.get(f"{BASE_URL}/files", json={})
    client = make_app({"route": [{"path_prefix": "/team-a"}]}).test_client()
    assert get(client, "/team-a/passthrough/up/files").status_code == 200
    assert get(client, "/passthrough/up/files").status_code == 404


# What is refused


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "%2e%2e/x", "a/%2E%2E/x", "..%2fx", "%252e%252e/x", "a/..;/x", "a%5c..%5cx", ".", "a/./b"],
)
def test_a_path_that_leads_up_is_refused_plain_and_encoded(make_app, serve, up, path):
    connection = http.client.HTTPConnection("127.0.0.1", serve(make_app()), timeout=5)
    connection.request("GET", f"/passthrough/up/{path}")
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]["code"]) == (400, "invalid_value")
    connection.close()
    assert not up.calls


def test_a_key_in_the_url_is_refused(client, get, up):
    response = get(client, "/passthrough/up/files?key=mine")
    assert (*code(response), response.json["error"]["param"]) == (400, "invalid_value", "key")
    assert not up.calls


@pytest.mark.parametrize("llm", ["nowhere", "echo", "Up", "%75p%20"])
def test_an_llm_that_is_not_there_or_not_asked_over_http_is_not_found(client, get, llm):
    assert code(get(client, f"/passthrough/{llm}/files")) == (404, "not_found")


def test_an_llm_of_ones_own_without_an_api_is_not_found(folder, make_app, get):
    class Own(LLMClient):
        def execute(self, request):
            raise NotImplementedError

    app = make_app()
    app.extensions["llmproxy"][0].gateway.llms["own"] = Own()
    assert code(get(app.test_client(), "/passthrough/own/files")) == (404, "not_found")


@pytest.mark.parametrize("path", ["/passthrough", "/passthrough/", "/passthrough/up", "/passthrough/up/"])
def test_a_path_without_anything_to_pass_is_not_found(client, get, path):
    assert code(get(client, path)) == (404, "not_found")


def test_a_body_that_is_too_large_is_refused(make_app, get, up):
    client = make_app({"server": {"max_body_mb": 0.001}}).test_client()
    assert code(get(client, IMAGES, "POST", data=b"x" * 2000)) == (413, "request_too_large")
    assert not up.calls


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_concern_the_connection_are_not_allowed(client, get, method):
    assert code(get(client, IMAGES, method)) == (405, "method_not_allowed")


def test_an_llm_without_its_token_is_not_asked(make_app, get, up):
    client = make_app(upstream(token_env="NOT_SET")).test_client()
    assert code(get(client, IMAGES, "POST")) == (503, "llm_not_configured")
    assert not up.calls


# What comes back


@pytest.mark.parametrize("status", [200, 201, 202, 404, 409, 422, 429, 500, 503])
def test_the_upstreams_status_and_body_come_as_they_are(client, get, up, status):
    up.get(f"{BASE_URL}/files", body=b'{"its": "own"} \n', status=status, content_type="application/json; x=y")
    response = get(client, "/passthrough/up/files")
    assert (response.status_code, response.get_data()) == (status, b'{"its": "own"} \n')
    assert response.headers["Content-Type"] == "application/json; x=y"


@pytest.mark.parametrize("status", [401, 403])
def test_our_token_being_refused_is_no_business_of_the_clients(client, get, up, status):
    up.get(f"{BASE_URL}/files", json={"error": "canary"}, status=status, headers={"x-ratelimit-a": "canary"})
    response = get(client, "/passthrough/up/files")
    assert code(response) == (502, "upstream_auth_failed")
    assert "canary" not in response.get_data(as_text=True) + str(response.headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_neither_followed_nor_passed_on(client, get, up, status):
    up.get(f"{BASE_URL}/files", status=status, headers={"Location": "https://elsewhere.example/"})
    response = get(client, "/passthrough/up/files")
    assert code(response) == (502, "upstream_redirect")
    assert "Location" not in response.headers
    assert len(up.calls) == 1


def test_an_upstream_that_is_not_reached_is_told_in_our_shape(client, get, up):
    up.get(f"{BASE_URL}/files", body=requests.ConnectionError())
    assert code(get(client, "/passthrough/up/files")) == (502, "upstream_unavailable")


def test_only_what_describes_the_answer_passes_of_the_upstreams_head(client, get, up):
    passing = {"Content-Disposition": "attachment; filename=a.txt", "Retry-After": "7", "x-ratelimit-limit": "9"}
    staying = ["Set-Cookie", "Server", "x-request-id", "Via", "Access-Control-Allow-Origin", "Location", "Connection",
               "openai-organization", "Content-Security-Policy", "x-llmproxy-llm", "WWW-Authenticate"]  # fmt: skip
    up.get(f"{BASE_URL}/files", body=b"x", headers={**passing, **dict.fromkeys(staying, "canary")})
    headers = get(client, "/passthrough/up/files").headers
    assert {name: headers[name] for name in passing} == passing
    assert "canary" not in str(headers)


def test_an_answer_says_who_gave_it_and_names_no_model(client, get, up):
    up.get(f"{BASE_URL}/files", json={})
    headers = get(client, "/passthrough/up/files").headers
    facts = [headers.get(f"x-llmproxy-{name}") for name in ("llm", "attempts", "model")]
    assert facts == ["up", "1", None]


def test_a_page_of_the_upstreams_cannot_act_under_our_name(client, get, up):
    up.get(f"{BASE_URL}/files", body=b"<script>", content_type="text/html")
    headers = get(client, "/passthrough/up/files").headers
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


# The log


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        (200, "settled", None), (206, "settled", None), (404, "void", "upstream_rejected"),
        (429, "void", "upstream_rate_limited"), (500, "unknown", "upstream_error"),
        (529, "void", "upstream_overloaded"),
    ],
)  # fmt: skip
def test_each_request_leaves_one_line_with_what_the_client_got(make_app, get, server, logged, status, outcome, error):
    server.answers(answer_of(b"x", f"{status} Said"))
    get(make_app(upstream(base_url=server.url)).test_client(), "/passthrough/up/files")
    (facts,) = logged.requests
    assert (facts["status"], facts["outcome"], facts["error"]) == (status, outcome, error)
    assert (facts["route"], facts["llm"], facts["target_model"], facts["attempts"]) == ("passthrough", "up", None, 1)


def test_a_refusal_leaves_one_line_as_well(keyed, get, logged):
    get(keyed, "/passthrough/up/files", headers=bearer("limited"))
    (facts,) = logged.requests
    assert (facts["client"], facts["status"], facts["outcome"]) == ("limited", 403, "void")


# Real sockets


@pytest.fixture
def call(make_app, serve, server):
    """Calls a served application whose upstream is the scripted server; gives the open response."""
    with contextlib.ExitStack() as opened:

        def send(path, method="GET", body=None, headers=None):
            port = serve(make_app(upstream(base_url=server.url)))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            opened.callback(connection.close)
            connection.request(method, f"/passthrough/up/{path}", body, headers or {})
            return connection.getresponse()

        yield send


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def test_an_event_reaches_the_client_before_the_next_is_there(call, server):
    order = []
    server.answers(HEAD, b"data: 1\n\n", 0.3, lambda: order.append("second sent"), b"data: 2\n\n")
    response = call("responses/r1?stream=true")
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.read1(1000) == b"data: 1\n\n"
    order.append("first read")
    assert response.read() == b"data: 2\n\n"
    assert order == ["first read", "second sent"]


def test_binary_bytes_come_through_unchanged(call, server):
    sound = bytes(range(256)) * 4096
    server.answers(answer_of(sound, content_type="audio/mpeg"))
    response = call("audio/speech", "POST", b"{}", {"Content-Type": "application/json"})
    assert (response.headers["Content-Type"], response.headers["Content-Length"]) == ("audio/mpeg", str(len(sound)))
    assert response.read() == sound


def test_a_large_upload_arrives_whole(call, server):
    file = b"\x00\xff" * 2_000_000
    server.answers(answer_of(b"{}"))
    assert call("files", "POST", file, {"Content-Type": "application/octet-stream"}).status == 200
    assert server.requests[0]["body"] == file


def test_a_download_larger_than_any_answer_is_not_held_in_memory(make_app, serve, server):
    piece = b"x" * 1_000_000
    server.answers(answer_of(b"").replace(b"Content-Length: 0", b"Content-Length: 4000000"), *[piece] * 4)
    port = serve(make_app(upstream(base_url=server.url, max_response_mb=1)))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/passthrough/up/files/f/content")
    assert connection.getresponse().read() == piece * 4
    connection.close()


def test_a_head_has_the_length_of_what_it_stands_for_and_no_body(call, server):
    server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/plain\r\n\r\n")
    response = call("files/f1", "HEAD")
    assert (response.status, response.headers["Content-Length"], response.read()) == (200, "1234", b"")
    assert server.requests[0]["line"] == "HEAD /v1/files/f1 HTTP/1.1"


def test_an_answer_without_content_has_none(call, server):
    server.answers(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    response = call("files/f1", "DELETE")
    assert (response.status, response.read()) == (204, b"")


def test_compressed_bytes_pass_as_they_are(call, server):
    server.answers(answer_of(b"\x1f\x8bnot really", Content_Encoding="gzip"))
    response = call("files")
    assert (response.headers["Content-Encoding"], response.read()) == ("gzip", b"\x1f\x8bnot really")
    assert server.requests[0]["headers"]["accept-encoding"] == "identity"


def test_a_download_that_breaks_off_does_not_look_whole(call, server, logged):
    server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"half")
    with pytest.raises(http.client.IncompleteRead):
        call("files/f1/content").read()
    assert [(facts["status"], facts["outcome"], facts["error"]) for facts in logged.requests] == [
        (200, "partial", "upstream_stream_reset")
    ]


def test_an_answer_that_breaks_off_before_its_first_byte_has_a_status(call, server):
    server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    response = call("files/f1/content")
    assert (response.status, json.loads(response.read())["error"]["code"]) == (502, "upstream_reset")


def test_a_client_that_leaves_ends_the_call(make_app, server, logged):
    left = threading.Event()
    server.answers(HEAD, b"data: 1\n\n", *[0.03, b"data: 2\n\n"] * 15, left.set)
    client = make_app(upstream(base_url=server.url)).test_client()
    response = client.get("/passthrough/up/responses/r1", buffered=False)
    next(response.iter_encoded())
    response.close()
    assert not left.wait(1)
    assert [(facts["status"], facts["outcome"]) for facts in logged.requests] == [(499, "partial")]
