import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.core.raw import RawRequest


def raw(path="images/generations", query="", method="POST", body=b""):
    return RawRequest(RequestContext(), "up", method, path, query, {}, body)


@pytest.mark.parametrize(
    "path",
    [
        "..", ".", "a/..", "../a", "a/../b", "a/./b", "a/..;x/b", "a\\..\\b", "..\\",
        "%2e%2e/a", "a/%2E%2e", ".%2e/a", "a%2f..%2fb", "%252e%252e/a", "a/..%3bx", "..%5ca", "%25252e%25252e",
    ],
)  # fmt: skip
def test_a_path_that_leads_up_is_refused_however_it_is_encoded(path):
    with pytest.raises(ParseError):
        raw(path)


def test_a_path_that_is_encoded_without_end_is_refused_at_once():
    with pytest.raises(ParseError):
        raw("%" + "25" * 5000 + "2e")


@pytest.mark.parametrize("path", ["a..b/c", "...", "a/.hidden", "models/x:generateContent", "a//b", "files/x/"])
def test_dots_within_a_name_lead_nowhere(path):
    assert raw(path).target == path


@pytest.mark.parametrize(
    ("path", "target"),
    [("a%2Fb%3Fc", "a%2Fb%3Fc"), ("a b", "a%20b"), ("a?b#c", "a%3Fb%23c"), ("a\r\nb", "a%0D%0Ab"), ("ж", "%D0%B6")],
)
def test_a_path_stays_as_it_was_encoded_and_cannot_end_the_line(path, target):
    assert raw(path).target == target


@pytest.mark.parametrize("query", ["a=1&b=%20+x&a=2", "order=desc&include[]=x".replace("[]", "%5B%5D"), "a", "a=b=c"])
def test_a_query_string_stays_as_it_is(query):
    assert raw(query=query).target == f"images/generations?{query}"


def test_a_query_string_cannot_end_the_line():
    assert raw(query="a=\r\nHost: x").target == "images/generations?a=%0D%0AHost:%20x"


@pytest.mark.parametrize(
    ("method", "body", "payload"),
    [
        ("GET", b"", None), ("HEAD", b"", None), ("DELETE", b"", None), ("DELETE", b"x", b"x"),
        ("POST", b"", b""), ("PUT", b"", b""), ("PATCH", b"x", b"x"),
    ],
)  # fmt: skip
def test_no_body_is_none_where_the_method_does_without(method, body, payload):
    assert raw(method=method, body=body).payload == payload
