import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.gateway import DEFAULT_DIALECT
from llmproxy.web.shape import dialect_of, lookup_of

OTHERS = ("anthropic.messages", "gemini.generate", "ollama.chat")
DIALECTS = [CLIENT_DIALECTS.get(name)() for name in (DEFAULT_DIALECT, *OTHERS)]


def request(path, **headers):
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    return Request(EnvironBuilder(path, headers=headers).get_environ())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "openai.chat"),
        ("/nowhere", "openai.chat"),
        ("/v1", "openai.chat"),
        ("/v1/files", "openai.chat"),
        ("/v1/chat", "openai.chat"),
        ("/v1/messages/batches", "anthropic.messages"),
        ("/v1beta", "gemini.generate"),
        ("/v1beta/files/x", "gemini.generate"),
        ("/v1beta/models/x:embedContent", "gemini.generate"),
        ("/api/generate", "ollama.chat"),
        ("/api/chat/", "ollama.chat"),
        ("/llm/team-a/v1/messages", "anthropic.messages"),
        ("/llm/team-a/api/tags", "ollama.chat"),
        ("/api/v1/chat/completions", "openai.chat"),
        ("/api/v1/files", "openai.chat"),
        ("/apis/x", "openai.chat"),
    ],
)
def test_a_path_is_answered_in_the_dialect_that_it_looks_like(path, name):
    assert dialect_of(request(path), DIALECTS).name == name


def test_a_marker_decides_between_dialects_that_a_path_is_equally_like():
    assert dialect_of(request("/v1/files", anthropic_version="2023-06-01"), DIALECTS).name == "anthropic.messages"
    assert dialect_of(request("/v1/files", x_goog_api_key="k"), DIALECTS).name == "gemini.generate"
    assert dialect_of(request("/v1beta/files", anthropic_version="2023-06-01"), DIALECTS).name == "gemini.generate"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "openai.chat"),
        ({"anthropic_version": "2023-06-01"}, "anthropic.messages"),
        ({"x_goog_api_key": "k"}, "gemini.generate"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_shared_path_is_that_of_the_dialect_whose_marker_is_there(headers, name, order):
    choices = [(dialect, dialect.lookups[0]) for dialect in DIALECTS[:3]][::order]
    assert lookup_of(request("/v1/models", **headers), choices)[0].name == name
