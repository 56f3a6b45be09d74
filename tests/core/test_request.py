import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.core.request import LLMRequest


class OwnRequest(LLMRequest):
    """No more than what must be given."""

    def __init__(self, body):
        self.body = body
        self.context = RequestContext()

    @property
    def model(self):
        return self.body.get("model", "")

    @property
    def messages(self):
        return self.body.get("messages", [])

    @property
    def stream(self):
        return False

    @property
    def max_tokens(self):
        return None

    def to_dict(self):
        return dict(self.body)


MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "tool", "content": None}]


def test_a_request_of_ones_own_has_defaults_for_the_rest():
    request = OwnRequest({"messages": MESSAGES})
    assert (request.dialect, request.client_dialect, request.header_edits, request.wants_usage) == ("", None, {}, True)
    assert list(request.texts()) == ["a", "b"]
    assert request.last_user_text() == "a"


def test_a_request_without_a_user_message_has_no_last_text():
    assert OwnRequest({"messages": MESSAGES[1:]}).last_user_text() == ""


def test_a_request_of_ones_own_is_sent_as_json():
    assert OwnRequest({"model": "é"}).to_json() == b'{"model":"\\u00e9"}'


@pytest.mark.parametrize(
    "edit",
    [
        lambda request: request.map_texts(str.upper),
        lambda request: request.with_model("m"),
        lambda request: request.with_max_tokens(1),
        lambda request: request.with_system_prompt("s"),
        lambda request: request.with_last_user_text("t"),
        lambda request: request.with_defaults({}),
        lambda request: request.with_headers({}),
    ],
)
def test_an_edit_it_does_not_know_is_refused_rather_than_lost(edit):
    with pytest.raises(UnsupportedFeature, match="A OwnRequest cannot be given"):
        edit(OwnRequest({}))


def test_what_must_be_given_must_be_given():
    with pytest.raises(TypeError, match="abstract"):
        LLMRequest()


class SignedRequest(OwnRequest):
    """One that says how it is written."""

    def to_json(self):
        return b'{"as": "it came"}'


def test_a_request_of_ones_own_leaves_as_it_says():
    request = SignedRequest({"model": "m"})
    assert request.encode(request.to_dict()) == b'{"as": "it came"}'


def test_what_a_provider_changes_of_it_is_not_lost():
    request = SignedRequest({"model": "m"})
    assert json.loads(request.encode({**request.to_dict(), "extra": 1})) == {**request.to_dict(), "extra": 1}
