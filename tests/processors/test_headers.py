import pytest
from fakes import CHAT_URL, completion, upstream

from llmproxy import ConfigError


@pytest.fixture
def send(make_app, ask, up):
    """Asks through a chain of `headers` processors; returns the headers that were sent."""

    def send_chat(*processors, keys=None):
        up.post(CHAT_URL, json=completion())
        tables = {str(number): {"type": "headers", **options} for number, options in enumerate(processors)}
        route = [{"path_prefix": "/", "processors": list(tables)}]
        ask(make_app({**upstream(**(keys or {})), "processor": tables, "route": route}).test_client())
        return up.calls[0].request.headers

    return send_chat


def test_a_header_is_set(send):
    assert send({"set": {"x-team": "search"}})["x-team"] == "search"


def test_a_header_is_removed(send):
    assert "x-team" not in send({"remove": ["X-TEAM"]}, keys={"headers": {"x-team": "search"}})


def test_a_header_of_the_llm_is_replaced(send):
    assert send({"set": {"X-Team": "mine"}}, keys={"headers": {"x-team": "search"}})["x-team"] == "mine"


def test_what_is_set_wins_over_what_is_removed(send):
    assert send({"set": {"x-a": "1"}, "remove": ["x-a"]})["x-a"] == "1"


def test_a_later_processor_wins(send):
    assert send({"set": {"x-a": "1", "x-b": "1"}}, {"set": {"x-a": "2"}})["x-a"] == "2"


def test_the_body_and_the_token_stay(send):
    headers = send({"set": {"x-a": "1"}})
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer up-token", "application/json")


RESERVED = [
    "Authorization",
    "authorization",
    "Host",
    "HOST",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Connection",
    "Accept-Encoding",
]


@pytest.mark.parametrize("name", RESERVED)
def test_what_carries_the_token_or_the_framing_cannot_be_set(make_app, name):
    with pytest.raises(ConfigError, match=name):
        make_app({"processor": {"h": {"type": "headers", "set": {name: "x"}}}})


@pytest.mark.parametrize("name", RESERVED)
def test_what_carries_the_token_or_the_framing_cannot_be_removed(make_app, name):
    with pytest.raises(ConfigError, match="cannot be set here"):
        make_app({"processor": {"h": {"type": "headers", "remove": [name]}}})


@pytest.mark.parametrize("name", ["a b", "a:b", "", "é", "a\r\nb", "a\x00"])
def test_a_name_that_no_header_has_is_refused(make_app, name):
    with pytest.raises(ConfigError):
        make_app({"processor": {"h": {"type": "headers", "set": {name: "x"}}}})


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "é", "\x00", 5])
def test_a_value_that_no_header_has_is_refused(make_app, value):
    with pytest.raises(ConfigError):
        make_app({"processor": {"h": {"type": "headers", "set": {"x-a": value}}}})
