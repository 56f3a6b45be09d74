import pytest
import requests

from llmproxy.core.errors import TokenError
from llmproxy.core.secrets import SECRETS
from llmproxy.core.tokens import CallableTokenProvider, RotatingTokenProvider, StaticTokenProvider, TokenProvider
from llmproxy.transport.auth import BearerAuth, HeaderAuth, UpstreamRequest, digest
from llmproxy.transport.sessions import prepare


def signed(auth, **headers):
    request = prepare("POST", "https://up.example/v1", headers, b"{}")
    return auth(request)


def test_a_bearer_token_is_put_on():
    assert signed(BearerAuth(StaticTokenProvider("t"))).headers["Authorization"] == "Bearer t"


def test_a_token_is_put_in_a_header_of_its_own():
    request = signed(HeaderAuth("X-Acme-Key", StaticTokenProvider("t")))
    assert (request.headers["x-acme-key"], "Authorization" in request.headers) == ("t", False)


def test_a_token_may_follow_any_word():
    assert signed(HeaderAuth("Authorization", StaticTokenProvider("t"), "Key")).headers["Authorization"] == "Key t"


def test_the_token_replaces_what_the_configuration_put_there():
    assert signed(BearerAuth(StaticTokenProvider("t")), authorization="x").headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("auth", [BearerAuth(None), HeaderAuth("X-Acme-Key", None)], ids=repr)
def test_without_a_token_nothing_is_put_on(auth):
    request = signed(auth)
    assert (dict(request.headers), request.token_id, request.secret) == ({"Content-Length": "2"}, "", "")
    assert not auth.fetches


def test_the_provider_is_asked_for_each_request():
    tokens = iter("ab")
    auth = BearerAuth(CallableTokenProvider(lambda: next(tokens)))
    assert [signed(auth).headers["Authorization"] for _ in range(2)] == ["Bearer a", "Bearer b"]


def test_a_token_of_anybody_s_is_masked_from_its_first_use_on():
    class Own(TokenProvider):
        def get_token(self):
            return "a-token-of-ones-own"

    signed(HeaderAuth("X-Acme-Key", Own()))
    assert "of-ones-own" not in SECRETS.mask("said: a-token-of-ones-own")


def test_a_request_knows_its_token_by_a_digest():
    request = signed(BearerAuth(StaticTokenProvider("t")))
    assert (request.token_id, request.secret) == (digest("t"), "t")
    assert digest("t") != digest("u")


def test_tokens_that_follow_one_another_are_known_by_their_owner():
    tokens = iter("ab")
    auth = BearerAuth(CallableTokenProvider(lambda: next(tokens)))
    one, other = signed(auth), signed(auth)
    assert (one.secret, other.secret) == ("a", "b")
    assert one.token_id == other.token_id


def test_a_token_is_fetched_if_its_provider_fetches_it():
    assert BearerAuth(CallableTokenProvider(lambda: "t")).fetches
    assert not BearerAuth(StaticTokenProvider("t")).fetches


def test_any_other_request_may_be_signed_too():
    request = requests.Request("POST", "https://up.example/v1", auth=BearerAuth(StaticTokenProvider("t"))).prepare()
    assert request.headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX: y", "a\0", "é", "a\ud800", "a\x7f", "a\tb"])
def test_a_token_that_no_header_may_hold_is_refused(token):
    with pytest.raises(TokenError) as caught:
        signed(BearerAuth(StaticTokenProvider(token)))
    assert caught.value.detail == "the token holds characters that no header may hold"


def test_a_digest_can_be_made_of_anything():
    assert len(digest("\ud800")) == len(digest("")) == 64


def test_nothing_shows_the_token():
    request = signed(BearerAuth(StaticTokenProvider("canary")))
    assert "canary" not in f"{request!r} {request} {BearerAuth(StaticTokenProvider('canary'))!r}"
    assert isinstance(request, UpstreamRequest)


def test_a_request_may_say_which_of_several_tokens_it_carries():
    request = prepare("POST", "https://up.example/v1", {}, b"{}")
    request.place = 1
    BearerAuth(RotatingTokenProvider([StaticTokenProvider("a"), StaticTokenProvider("b")]))(request)
    assert (request.secret, request.token_id) == ("b", digest("b"))
