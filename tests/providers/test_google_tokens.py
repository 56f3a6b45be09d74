import json
import sys
import threading
from datetime import datetime, timedelta

import pytest
import responses

from llmproxy.core.errors import ConfigError, TokenError
from llmproxy.providers.google_tokens import GoogleTokens
from llmproxy.transport.sessions import TransportSettings

pytest.importorskip("google.auth", reason="google-auth comes with the vertex extra")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")

TOKEN_URI = "https://oauth2.googleapis.com/token"


@pytest.fixture(scope="session")
def private_key():
    key = rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*pem).decode()


@pytest.fixture
def key_file(tmp_path, private_key):
    """The key of a service account."""
    account = {"type": "service_account", "client_email": "a@p.iam", "token_uri": TOKEN_URI, "private_key": private_key}
    path = tmp_path / "key.json"
    path.write_text(json.dumps(account))
    return path


@pytest.fixture
def tokens(key_file):
    return GoogleTokens(key_file, TransportSettings())


def give(up, token="t1", seconds=3600):
    return up.post(TOKEN_URI, json={"access_token": token, "expires_in": seconds, "token_type": "Bearer"})


def test_a_service_account_gets_a_token_and_keeps_it(tokens, up):
    answer = give(up)
    assert [tokens.get_token(), tokens.get_token()] == ["t1", "t1"]
    assert answer.call_count == 1
    assert "assertion=" in up.calls[0].request.body.decode()


def test_a_token_is_renewed_before_it_ends(tokens, up):
    give(up, "t1")
    tokens.get_token()
    tokens._credentials.expiry = datetime.utcnow() + timedelta(seconds=30)
    up.replace(responses.POST, TOKEN_URI, json={"access_token": "t2", "expires_in": 3600})
    assert tokens.get_token() == "t2"


def test_many_threads_ask_once(tokens, up):
    answer = give(up)
    threads = [threading.Thread(target=tokens.get_token) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answer.call_count == 1


def test_a_refusal_of_google_s_is_no_token(tokens, up):
    up.post(TOKEN_URI, status=400, json={"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
    with pytest.raises(TokenError) as caught:
        tokens.get_token()
    assert "invalid_grant: Invalid JWT Signature." in caught.value.detail


def test_no_connection_is_no_token(tokens, up, monkeypatch):
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    with pytest.raises(TokenError, match="has no token"):
        tokens.get_token()


@pytest.mark.parametrize("content", [None, "not json", "{}"])
def test_a_file_that_is_no_key_is_no_token(tmp_path, content):
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TokenError) as caught:
        GoogleTokens(path, TransportSettings()).get_token()
    assert caught.value.detail.startswith("no token has come from Google: ")


def test_a_thread_waits_for_another_ones_token_but_not_for_ever(tokens, monkeypatch):
    monkeypatch.setattr("llmproxy.providers.google_tokens._WAIT_SECS", 0.01)
    with tokens._lock, pytest.raises(TokenError) as caught:
        tokens.get_token()
    assert caught.value.detail == "no token has come from Google in time"


def test_application_default_credentials_are_what_the_machine_offers(key_file, up, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    give(up)
    assert GoogleTokens(None, TransportSettings()).get_token() == "t1"


def test_tokens_that_give_way_to_each_other_have_one_owner(tokens):
    assert tokens.owner == "google"


def test_without_google_auth_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    with pytest.raises(ConfigError, match=r"pip install llmproxy\[vertex\]"):
        GoogleTokens(None, TransportSettings())
