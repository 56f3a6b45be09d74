"""Signatures by botocore over our own requests. Credentials are made up; nothing is looked up on any network."""

import datetime
import logging
import subprocess
import sys
import threading

import pytest

from llmproxy.core.errors import ConfigError, TokenError
from llmproxy.core.tokens import Environment
from llmproxy.transport.auth import digest
from llmproxy.transport.sessions import prepare
from llmproxy.transport.sigv4 import CredentialSource, SigV4Auth

pytest.importorskip("botocore", reason="botocore is not installed")
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.session

NOW = datetime.datetime(2026, 8, 1, 12, 0, 0)
HOST = "https://bedrock-runtime.us-east-1.amazonaws.com"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fmi1dadi0g15f"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}


@pytest.fixture(autouse=True)
def still(monkeypatch, tmp_path):
    """A clock that stands still, and a machine without any credentials."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def source(profile=None, **variables):
    return CredentialSource(profile, Environment(environ=variables))


def sign(keys=KEYS, path=f"/model/{ARN}/converse", body=b"{}", headers=None, **more):
    request = prepare("POST", HOST + path, {"Content-Type": "application/json", **(headers or {})}, body)
    return SigV4Auth(source(**{**keys, **more}), "us-east-1", "bedrock")(request)


def theirs(path, body=b"{}", token=None):
    """What botocore itself puts on the same request."""
    request = botocore.awsrequest.AWSRequest("POST", HOST + path, {"Content-Type": "application/json"}, body)
    credentials = botocore.credentials.Credentials("AKIDEXAMPLE", "canary-secret", token)
    botocore.auth.SigV4Auth(credentials, "bedrock", "us-east-1").add_auth(request)
    return request


def test_keys_at_hand_need_not_be_fetched():
    assert not SigV4Auth(source(**KEYS), "us-east-1", "bedrock").fetches
    assert SigV4Auth(source(), "us-east-1", "bedrock").fetches
    assert SigV4Auth(source("team", **KEYS), "us-east-1", "bedrock").fetches


def test_a_request_is_signed_as_botocore_signs_it():
    path = f"/model/{ARN}/converse"
    signed, expected = sign().headers, theirs(path).headers
    assert signed["Authorization"] == expected["Authorization"]
    assert signed["X-Amz-Date"] == expected["X-Amz-Date"] == "20260801T120000Z"
    assert "SignedHeaders=content-type;host;x-amz-date" in signed["Authorization"]


def test_the_path_that_is_signed_is_encoded_twice_and_the_one_that_is_sent_once():
    path = f"/model/{ARN}/converse"
    canonical = botocore.auth.SigV4Auth(None, "bedrock", "us-east-1").canonical_request(theirs(path))
    assert canonical.splitlines()[1] == path.replace("%", "%25")
    assert sign(path=path).url == HOST + path


def test_the_body_and_the_path_are_part_of_the_signature():
    signatures = {sign().headers["Authorization"], sign(body=b"[]").headers["Authorization"]}
    assert len(signatures | {sign(path="/model/m/converse").headers["Authorization"]}) == 3


def test_headers_that_something_on_the_way_may_change_are_not_signed():
    plain = sign().headers["Authorization"]
    assert sign(headers={"Accept-Encoding": "identity", "X-Team": "search"}).headers["Authorization"] == plain


def test_a_session_token_is_sent_and_signed():
    signed = sign(AWS_SESSION_TOKEN="canary-token").headers
    assert signed["X-Amz-Security-Token"] == "canary-token"
    assert signed["Authorization"] == theirs(f"/model/{ARN}/converse", token="canary-token").headers["Authorization"]


def test_a_request_without_a_body_is_signed_too():
    request = prepare("GET", f"{HOST}/models", {}, b"")
    request.body = None
    signed = SigV4Auth(source(**KEYS), "us-east-1", "bedrock")(request)
    assert "SignedHeaders=host;x-amz-date" in signed.headers["Authorization"]


def test_nothing_shows_a_secret(caplog):
    keys = source(**KEYS, AWS_SESSION_TOKEN="canary-token")
    with caplog.at_level(logging.DEBUG, "botocore"):
        auth = SigV4Auth(keys, "us-east-1", "bedrock")
        auth(prepare("POST", HOST, {}, b""))
    assert "canary" not in f"{keys!r} {auth!r} {keys.current()!r} {caplog.text}"


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_that_no_header_may_hold_are_refused(name):
    with pytest.raises(TokenError) as caught:
        sign(**{name: "canary\nx: y"})
    assert "canary" not in f"{caught.value} {caught.value.detail}"


def test_a_request_knows_its_credentials_by_a_digest():
    request = sign(AWS_SESSION_TOKEN="canary-token")
    assert (request.token_id, request.secret) == (digest("AKIDEXAMPLE"), "canary-token")


def test_keys_that_change_in_the_environment_are_used_at_once():
    variables = dict(KEYS)
    keys = CredentialSource(None, Environment(environ=variables))
    variables["AWS_ACCESS_KEY_ID"] = "AKIDOTHER"
    assert keys.current().access_key == "AKIDOTHER"


def test_without_keys_botocore_looks_in_its_usual_places(still):
    (still / "credentials").write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    assert source().current().access_key == "AKIDFILE"


def test_a_profile_that_was_asked_for_goes_before_keys(still):
    (still / "credentials").write_text("[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = s\n")
    assert source("team", **KEYS).current().access_key == "AKIDTEAM"
    assert source(AWS_PROFILE="team").current().access_key == "AKIDTEAM"
    assert source(AWS_PROFILE="team", **KEYS).current().access_key == "AKIDEXAMPLE"


def test_a_profile_knows_its_region(still):
    (still / "config").write_text("[profile team]\nregion = eu-central-1\n")
    assert source("team").region() == "eu-central-1"


def test_a_profile_that_is_not_there_is_an_error_of_the_configuration():
    with pytest.raises(ConfigError, match="team"):
        source("team").region()


@pytest.mark.parametrize("profile", [None, "team"])
def test_without_credentials_there_is_no_token(profile):
    with pytest.raises(TokenError) as caught:
        source(profile).current()
    assert "AWS credentials" in caught.value.detail


def test_credentials_that_cannot_be_renewed_are_no_token(monkeypatch):
    def fail(_):
        raise botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="canary")

    monkeypatch.setattr(botocore.session.Session, "get_credentials", fail)
    with pytest.raises(TokenError) as caught:
        source().current()
    assert caught.value.detail == "AWS credentials could not be had: CredentialRetrievalError"


@pytest.fixture
def renewing(monkeypatch):
    """Makes botocore find credentials that are new each time they are asked for; counts how often it looks for them."""
    looks = []

    class Renewing:
        def __init__(self):
            self.times = 0

        def get_frozen_credentials(self):
            self.times += 1
            return botocore.credentials.ReadOnlyCredentials(f"AKID{self.times}", "s", f"t{self.times}", None)

    def look(_):
        looks.append(1)
        return Renewing()

    monkeypatch.setattr(botocore.session.Session, "get_credentials", look)
    return looks


def test_credentials_that_are_renewed_keep_their_pool(renewing):
    auth = SigV4Auth(source(), "us-east-1", "bedrock")
    one, other = (auth(prepare("POST", HOST, {}, b"")) for _ in range(2))
    assert (one.secret, other.secret) == ("t1", "t2")
    assert one.token_id == other.token_id


def test_threads_share_one_look_for_credentials(renewing):
    keys = source()
    threads = [threading.Thread(target=keys.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(renewing) == 1


def test_without_botocore_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(ConfigError, match=r"pip install llmproxy\[bedrock\]"):
        source()


def test_botocore_is_not_imported_before_something_is_signed():
    program = (
        "import sys; from llmproxy.transport.sigv4 import *; from llmproxy.providers.bedrock import *;"
        "SigV4Auth(CredentialSource(), 'r', 's'); sys.exit('botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
