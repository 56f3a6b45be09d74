"""Whatever the headers, there is an answer, or a refusal in the dialect's own words."""

import re

import pytest
from dialects.samples import REQUESTS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz.bodies import spelled
from fuzz.calls import PATHS, complaint, post
from llmproxy import create_app

PATIENT = list(HealthCheck)
# What a server lets through: bytes as Latin-1, without line ends and NUL.
TEXTS = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=40)
WORDS = st.sampled_from([
    "", " ", "application/json", "Application/JSON; charset=UTF-8", "application/json; charset=utf-16", "text/plain",
    "application/json; charset=\"", "application/json;;", "application/json; =", "gzip", "identity", "Bearer",
    "Bearer ", "Bearer key", "bearer\tkey", "Basic YTpi", "Basic !", "Digest a=\"", "null", "0", "-1", "1", "1e3",
    "9" * 400, "\u00b2", "a" * 128, "a" * 129, "../..", "%0d%0a", "<script>", "*", "https://evil.example", "2023-06-01",
    "a,b", "\u00ff",
])  # fmt: skip
NAMES = st.sampled_from([
    "x-request-id", "request-id", "Content-Type", "Content-Encoding", "Authorization", "x-api-key", "x-goog-api-key",
    "anthropic-version", "anthropic-beta", "openai-beta", "Accept", "Accept-Encoding", "Origin", "Cookie", "Forwarded",
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-HTTP-Method-Override", "Range", "If-None-Match",
    "Idempotency-Key", "Expect", "Referer", "User-Agent", "x-llmproxy-llm", "x-llmproxy-model",
    "x-llmproxy-attempts", "x-llmproxy-dropped", "x-llmproxy-error", "x-llmproxy-base-url", "x-should-retry",
])  # fmt: skip
HEADERS = st.dictionaries(NAMES, WORDS | TEXTS, max_size=6)
ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@pytest.fixture
def locked(load):
    """An application that asks for keys."""
    config = {"client": {"tests": {"token_env": "KEY"}}, "server": {"cors_allowed_origins": ["https://good.example"]}}
    return create_app(load(config, {"KEY": "the-key"})).test_client()


@pytest.mark.parametrize("name", PATHS)
@given(headers=HEADERS)
@settings(max_examples=30, suppress_health_check=PATIENT)
def test_headers_of_all_kinds(echo, name, headers):
    response = post(echo, PATHS[name][0], spelled({**REQUESTS[name], "model": "echo"}), **headers)
    assert complaint(response, name) is None
    assert ID.fullmatch(response.headers["x-request-id"])


@pytest.mark.parametrize("name", PATHS)
@given(headers=HEADERS)
@settings(max_examples=30, suppress_health_check=PATIENT)
def test_nothing_but_the_key_opens(locked, name, headers):
    response = post(locked, PATHS[name][0], spelled({**REQUESTS[name], "model": "echo"}), **headers)
    assert (response.status_code, complaint(response, name)) == (401, None)


@pytest.mark.parametrize("name", PATHS)
@given(host=WORDS | TEXTS)
@settings(max_examples=20, suppress_health_check=PATIENT)
def test_a_host_is_one_or_refused(echo, name, host):
    response = post(echo, PATHS[name][0], spelled({**REQUESTS[name], "model": "echo"}), Host=host)
    assert complaint(response, name) is None


@pytest.mark.parametrize("name", PATHS)
@given(limit=TEXTS | WORDS | st.integers(-5, 10**9).map(str))
@example(limit="1")
@settings(max_examples=20, suppress_health_check=PATIENT)
def test_a_limit_of_time_is_a_number_or_refused(echo, name, limit):
    body = spelled({**REQUESTS[name], "model": "echo"})
    response = post(echo, PATHS[name][0], body, **{"x-llmproxy-timeout-ms": limit})
    late = response.status_code == 504 and limit.isdigit()
    assert late or complaint(response, name) is None


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/echo", "/v1beta/models", "/api/tags", "/api/version", "/livez"]
)
@given(headers=HEADERS)
@settings(max_examples=30, suppress_health_check=PATIENT)
def test_what_is_read_is_read_whatever_the_headers(echo, path, headers):
    with echo.get(path, headers=headers) as response:
        assert response.status_code in (200, 401, 400 if "x-llmproxy-base-url" in headers else 200)
        assert response.mimetype == "application/json"
