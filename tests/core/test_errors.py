import inspect
import json
import pathlib
import re

import pytest

from llmproxy.core import errors
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import CODES, IN_STREAM, PUBLIC_CODES, LLMProxyError, ProviderTimeout, StreamError, in_stream
from llmproxy.dialects import CLIENT_DIALECTS

CLASSES = [
    thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, LLMProxyError)
]  # fmt: skip

# RELIABILITY, "one table of codes": status, and `x-should-retry`.
TABLE = {
    "invalid_api_key": (401, False),
    "permission_denied": (403, False),
    "model_not_found": (404, False),
    "invalid_json": (400, False),
    "invalid_value": (400, False),
    "duplicate_key": (400, False),
    "unsupported_media_type": (415, False),
    "request_too_large": (413, False),
    "rate_limit_exceeded": (429, True),
    "budget_exceeded": (429, False),
    "overloaded": (503, True),
    "server_shutdown": (503, True),
    "ledger_unavailable": (503, True),
    "upstream_unavailable": (502, True),
    "upstream_reset": (502, False),
    "upstream_bad_response": (502, False),
    "upstream_truncated": (502, False),
    "upstream_error": (502, False),
    "upstream_redirect": (502, False),
    "upstream_auth_failed": (502, False),
    "upstream_rate_limited": (429, True),
    "upstream_quota_exhausted": (503, False),
    "upstream_overloaded": (503, True),
    "upstream_circuit_open": (503, True),
    "upstream_timeout": (504, False),
    "upstream_connect_timeout": (504, True),
    "deadline_exceeded": (504, False),
    "not_found": (404, False),
    "method_not_allowed": (405, False),
    "unsupported_feature": (400, False),
    "token_limit_exceeded": (400, False),
    "request_refused": (400, False),
    "streaming_not_allowed": (400, False),
    "llm_not_configured": (503, False),
    "internal_error": (500, False),
}


@pytest.mark.parametrize(("code", "row"), TABLE.items())
def test_a_code_has_the_status_and_the_advice_of_the_table(code, row):
    error = LLMProxyError(code=code)
    assert (error.status, error.should_retry) == row


@pytest.mark.parametrize("name", CLIENT_DIALECTS.names())
@pytest.mark.parametrize("code", CODES)
def test_every_code_is_rendered_in_every_dialect(code, name):
    error = LLMProxyError(code=code)
    status, body = CLIENT_DIALECTS.get(name)().write_error(error, RequestContext())
    assert status == CODES[code].status or (status == 529 and CODES[code].status == 503)
    assert json.dumps(CODES[code].message) in json.dumps(body)


@pytest.mark.parametrize("name", [name for name in CLIENT_DIALECTS if name.startswith("openai.")])
@pytest.mark.parametrize("code", CODES)
def test_openais_dialects_name_the_code(code, name):
    _, body = CLIENT_DIALECTS.get(name)().write_error(LLMProxyError(code=code), RequestContext())
    assert body["error"]["code"] == PUBLIC_CODES.get(code, code)


@pytest.mark.parametrize("name", CLIENT_DIALECTS.names())
@pytest.mark.parametrize("code", CODES)
def test_every_code_is_an_event_that_looks_like_no_ending(code, name):
    events = list(CLIENT_DIALECTS.get(name)().error_events(LLMProxyError(code=code), RequestContext()))
    said = b"".join(event.raw for event in events)
    assert json.dumps(CODES[code].message).encode() in said
    assert said.endswith(b"\n")
    assert not re.search(rb"\[DONE\]|finish_?reason|response\.completed|response\.incomplete|message_stop", said, re.I)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_has_a_code_of_the_table(cls):
    assert cls.default_code in CODES
    assert cls().settlement == CODES[cls.default_code].settlement


def test_a_class_has_the_status_that_the_tree_at_the_top_shows():
    drawn = dict(re.findall(r"[─] (\w+) +(\d{3}) ", errors.__doc__))
    assert len(drawn) >= 20
    statuses = {cls.__name__: str(cls().status) for cls in CLASSES}
    assert {name: statuses[name] for name in drawn} == drawn


def test_every_class_is_in_the_tree_at_the_top():
    assert [cls.__name__ for cls in CLASSES if not re.search(rf"\b{cls.__name__}\b", errors.__doc__)] == []


def test_every_code_is_in_use_or_made_from_one_that_is():
    package = pathlib.Path(errors.__file__).parents[1]
    sources = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    assert [code for code in CODES if f'"{code}"' not in sources] == []


@pytest.mark.parametrize(("early", "late"), IN_STREAM.items())
def test_a_failure_within_a_stream_has_other_words(early, late):
    cause = LLMProxyError(code=early, detail="d")
    error = in_stream(cause)
    assert (error.code, error.detail, error.__cause__) == (late, "d", cause)
    assert isinstance(error, StreamError)


@pytest.mark.parametrize("code", sorted(CODES.keys() - IN_STREAM.keys() - PUBLIC_CODES.keys()))
def test_other_failures_keep_their_words_within_a_stream(code):
    error = LLMProxyError(code=code)
    assert in_stream(error) is error


@pytest.mark.parametrize("late", IN_STREAM.values())
def test_a_stream_that_broke_is_never_safe_to_retry(late):
    assert (CODES[late].should_retry, CODES[late].settlement) == (False, "partial")


def test_a_connect_timeout_is_called_a_timeout_and_is_safe_to_retry():
    error = ProviderTimeout(code="upstream_connect_timeout")
    assert (error.code, error.should_retry, error.settlement) == ("upstream_timeout", True, "void")


def test_what_is_given_overrides_the_row():
    error = LLMProxyError(
        "words", code="upstream_rejected", status=409, param="a.b", retry_after=3, headers={"Allow": "GET"}
    )
    assert (error.message, error.status, error.param, error.retry_after) == ("words", 409, "a.b", 3)
    assert (str(error), error.headers) == ("words", {"Allow": "GET"})


def test_the_detail_is_never_shown():
    error = LLMProxyError(detail="canary")
    assert "canary" not in f"{error} {error!r} {error.message}"


def test_an_unknown_code_is_a_mistake_of_the_programmer():
    with pytest.raises(KeyError):
        LLMProxyError(code="nonsense")


def test_a_config_error_names_every_problem():
    error = errors.ConfigError("a:1: x", "a:2: y")
    assert (error.problems, str(error)) == (("a:1: x", "a:2: y"), "a:1: x\na:2: y")


# RELIABILITY, "When a retry is safe": the same target again, another target.
ROUTES = {
    "upstream_unavailable": ("yes", "safe"),
    "upstream_connect_timeout": ("yes", "safe"),
    "upstream_rate_limited": ("yes", "safe"),
    "upstream_overloaded": ("yes", "safe"),
    "upstream_quota_exhausted": ("no", "safe"),
    "upstream_auth_failed": ("no", "safe"),
    "upstream_redirect": ("no", "safe"),
    "upstream_circuit_open": ("no", "safe"),
    "llm_not_configured": ("no", "safe"),
    "unsupported_feature": ("no", "safe"),
    "upstream_error": ("no", "ambiguous"),
    "upstream_reset": ("no", "ambiguous"),
    "upstream_timeout": ("no", "ambiguous"),
    "upstream_stale_connection": ("stale", "ambiguous"),
    "upstream_context_length": ("no", "longer_context"),
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_says_where_the_request_may_go_next(code):
    error = LLMProxyError(code=code)
    assert (error.again, error.elsewhere) == ROUTES.get(code, ("no", "no"))


@pytest.mark.parametrize("code", sorted(code for code, row in CODES.items() if row.settlement == "unknown"))
def test_nobody_else_is_asked_in_silence_where_the_work_may_be_billed(code):
    assert CODES[code].elsewhere in ("no", "ambiguous")
    assert CODES[code].again != "yes"


def test_nothing_is_held_against_an_upstream_for_what_the_caller_did():
    ours = [row for code, row in CODES.items() if not code.startswith(("upstream_", "llm_", "deadline_"))]
    assert {row.blame for row in ours} == {None}
