import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
import requests

from llmproxy.core.errors import LLMProxyError
from llmproxy.core.tokens import Environment
from llmproxy.providers.entra import ClientCredentials
from llmproxy.transport.auth import BearerAuth, UpstreamRequest
from llmproxy.transport.sessions import TransportSettings, prepare

LOGIN = "https://login.microsoftonline.com/tenant%2Fx/oauth2/v2.0/token"
VARIABLES = {"AZURE_TENANT_ID": "tenant/x", "AZURE_CLIENT_ID": "app", "AZURE_CLIENT_SECRET": "s&cret"}


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self):
        return self.now


def credentials(variables=VARIABLES, clock=None):
    return ClientCredentials(Environment(environ=variables), TransportSettings(), clock or Clock())


def token(number=1, **members):
    return {"token_type": "Bearer", "access_token": f"token {number}", "expires_in": 3600, **members}


def test_a_token_is_asked_for_with_the_clients_secret(up):
    up.post(LOGIN, json=token())
    assert credentials().get_token() == "token 1"
    assert parse_qs(up.calls[0].request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["s&cret"],
        "scope": ["https://cognitiveservices.azure.com/.default"],
    }


def test_a_token_is_kept_until_shortly_before_its_end(up):
    up.post(LOGIN, json=token(1))
    up.post(LOGIN, json=token(2))
    clock = Clock()
    source = credentials(clock=clock)
    said = []
    for seconds in (0, 3400, 100, 3400):
        clock.now += seconds
        said.append(source.get_token())
    assert said == ["token 1", "token 1", "token 2", "token 2"]


def test_threads_that_want_a_token_at_the_same_time_ask_once(up):
    ready = threading.Barrier(8)
    source = credentials()
    up.post(LOGIN, json=token())

    def get(_):
        ready.wait(5)
        return source.get_token()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(get, range(8))) == {"token 1"}
    assert len(up.calls) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status": 400, "json": {"error": "invalid_client"}}, "upstream_auth_failed"),
        ({"status": 401, "json": {"error": "invalid_client"}}, "upstream_auth_failed"),
        ({"status": 503}, "upstream_unavailable"),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example"}}, "upstream_unavailable"),
        ({"body": requests.ConnectionError()}, "upstream_unavailable"),
        ({"body": "<html>"}, "upstream_bad_response"),
        ({"json": {"token_type": "Bearer"}}, "upstream_bad_response"),
        ({"json": []}, "upstream_bad_response"),
        ({"json": token(expires_in="soon")}, "upstream_bad_response"),
    ],
)
def test_a_login_that_fails_is_a_failure_of_the_upstream_and_is_not_kept(up, answer, code):
    up.post(LOGIN, **answer)
    up.post(LOGIN, json=token())
    source = credentials()
    with pytest.raises(LLMProxyError) as caught:
        source.get_token()
    assert caught.value.code == code
    assert "s&cret" not in f"{caught.value.detail}"
    assert source.get_token() == "token 1"


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_is_missing_is_named(name):
    variables = {key: value for key, value in VARIABLES.items() if key != name}
    with pytest.raises(LLMProxyError) as caught:
        credentials(variables).get_token()
    assert (caught.value.code, caught.value.detail) == ("llm_not_configured", f"{name} is not set")


def test_a_new_token_of_the_same_client_needs_no_new_connections(up):
    up.post(LOGIN, json=token(1))
    up.post(LOGIN, json=token(2))
    clock = Clock()
    auth = BearerAuth(credentials(clock=clock))
    first = auth(prepare("POST", "https://x", {}, b""))
    clock.now += 4000
    second = auth(prepare("POST", "https://x", {}, b""))
    assert first.headers["Authorization"] != second.headers["Authorization"]
    assert first.token_id == second.token_id != UpstreamRequest.token_id
