import io
import json
import logging
import os
import sys
import threading

import pytest

from llmproxy import ProviderError, StreamError
from llmproxy.core.answer import Usage
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.secrets import SECRETS
from llmproxy.observability import logs


@pytest.fixture
def line(folder, monkeypatch):
    """Writes what is logged as a process of our own would; returns the lines."""

    def written(form, act):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logs.configure("info", form)
        act()
        return stream.getvalue().splitlines()

    return written


def finished(error=None, **members):
    """A finished request."""
    attempt = Attempt("up", "big", sent=True)
    context = RequestContext(**{"id": "req-1", "model": "smart", "attempts": [attempt], **members})
    context.answered_by = ("up", "big")
    context.finish(error)
    return context


def test_a_line_of_text_has_the_facts_as_words(line):
    [said] = line("text", lambda: logs.log_request(finished(usage=Usage(5, 7), client="ci", route="/")))
    assert " INFO request finished request_id=req-1 client=ci route=/ llm=up model=smart target_model=big " in said
    assert " status=200 outcome=settled attempts=1 input_tokens=5 output_tokens=7 " in said


def test_several_attempts_are_told_one_by_one(line):
    attempts = [Attempt("a", "big", sent=True, error=ProviderError(code="upstream_overloaded")), Attempt("b", "c d")]
    tried = ["a/big: upstream_overloaded", "b/c d: answered"]
    [text] = line("text", lambda: logs.log_request(finished(attempts=attempts)))
    assert f" attempts=2 tried={tried} " in text
    [said] = line("json", lambda: logs.log_request(finished(attempts=attempts)))
    assert json.loads(said)["tried"] == tried


def test_a_line_of_json_has_the_facts_as_members(line):
    [said] = line("json", lambda: logs.log_request(finished(usage=Usage(5, 7), client="ci", route="/")))
    entry = json.loads(said)
    assert entry.pop("time")
    assert isinstance(entry.pop("total_ms"), float)
    assert entry == {
        "level": "INFO",
        "logger": "llmproxy.observability.logs",
        "message": "request finished",
        "request_id": "req-1",
        "client": "ci",
        "route": "/",
        "dialect": None,
        "llm": "up",
        "model": "smart",
        "target_model": "big",
        "stream": False,
        "status": 200,
        "outcome": "settled",
        "error": None,
        "attempts": 1,
        "input_tokens": 5,
        "output_tokens": 7,
        "first_event_ms": None,
    }


def test_what_is_not_known_is_not_in_the_text(line):
    [said] = line("text", lambda: logs.log_request(finished()))
    assert "None" not in said
    assert "client=" not in said


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failure_tells_an_operator_more_in_a_line_of_its_own(line, form):
    first, second = line(form, lambda: logs.log_request(finished(ProviderError(detail="upstream status 500"))))
    assert "upstream_error" in first
    assert "upstream status 500" in second
    assert "WARNING" in second
    assert "req-1" in second


def test_times_are_in_milliseconds(monkeypatch):
    monkeypatch.setattr("llmproxy.observability.logs.time.monotonic", lambda: 12.5)
    facts = logs.facts_of(finished(started=10.0, first_event_at=10.25))
    assert (facts["first_event_ms"], facts["total_ms"]) == (250.0, 2500.0)


@pytest.mark.parametrize(
    ("error", "stream", "begun", "status", "outcome"),
    [
        (None, False, True, 200, "settled"),
        (ProviderError(), False, False, 502, "unknown"),
        (StreamError(), True, True, 200, "partial"),
        (ProviderError(code="upstream_rate_limited"), False, False, 429, "void"),
    ],
)
def test_an_outcome_is_told(error, stream, begun, status, outcome):
    facts = logs.facts_of(finished(error, stream=stream, first_event_at=1.0 if begun else None))
    assert (facts["status"], facts["outcome"]) == (status, outcome)


FORGED = ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\x85b", "a\x00b", "\ud800"]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("text", FORGED)
def test_a_text_of_a_clients_cannot_start_a_line_of_its_own(line, form, text):
    said = line(form, lambda: logs.log_request(finished(model=text)))
    assert len(said) == 1
    assert said[0].isprintable()


@pytest.mark.parametrize("text", FORGED)
def test_a_text_of_an_upstreams_cannot_start_a_line_in_a_hosts_log(logged, text):
    logs.log_request(finished(ProviderError(detail=f"upstream status 400: {text}")))
    assert all(record.getMessage().isprintable() for record in logged.records)
    assert len(logged.records) == 2


@pytest.mark.parametrize(("value", "shown"), [("a", "a"), ("a b", '"a b"'), ('a"b', '"a\\"b"'), (5, "5")])
def test_a_value_is_one_word(value, shown):
    assert logs.shown(value) == shown


def test_a_traceback_is_a_member_of_the_json(line):
    def fail():
        try:
            raise ZeroDivisionError("x")
        except ZeroDivisionError as error:
            logging.getLogger("llmproxy.web").error("failed", exc_info=error, extra={"request_id": "req-1"})

    [said] = line("json", fail)
    entry = json.loads(said)
    assert (entry["message"], entry["request_id"]) == ("failed", "req-1")
    assert "ZeroDivisionError: x" in entry["traceback"]


def test_the_level_decides_what_is_written(folder, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("warning", "text")
    logs.log_request(finished(ProviderError(detail="why")))
    assert stream.getvalue().count("\n") == 1


def test_configuring_twice_writes_once(line):
    assert len(line("text", lambda: (logs.configure("info", "text"), logs.log_request(finished())))) == 1


def test_other_loggers_are_left_alone(folder):
    root = logging.getLogger()
    before = list(root.handlers), root.level
    logs.configure("debug", "json")
    assert before == (list(root.handlers), root.level)


def test_a_line_that_nobody_reads_is_not_made(folder, monkeypatch):
    logs.configure("error", "text")
    monkeypatch.setattr(logs, "facts_of", lambda context: pytest.fail("the facts were gathered"))
    logs.log_request(finished())


def test_lines_of_many_threads_stay_whole(tmp_path):
    path = tmp_path / "log"
    with open(path, "w", encoding="utf-8") as stream:
        handler = logs.LineHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        record = logging.makeLogRecord({"msg": "x" * 500})
        threads = [threading.Thread(target=lambda: [handler.handle(record) for _ in range(200)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert path.read_text(encoding="utf-8").splitlines() == ["x" * 500] * 1600


def test_a_log_that_cannot_be_written_breaks_nothing(monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        handler = logs.LineHandler(stream)
        assert handler.handle(logging.makeLogRecord({"msg": "nobody reads this"}))


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_written_wherever_it_comes_from(line, form):
    SECRETS.learn("sk-known-secret")

    def act():
        context = finished(ProviderError(detail="not sk-known-secret"), model="x/sk-known-secret")
        logs.log_request(context)
        log = logging.getLogger("llmproxy.anything")
        try:
            raise ValueError("sk-known-secret")
        except ValueError:
            log.exception("a %s", "sk-known-secret", extra={"more": ["sk-known-secret"]})

    said = line(form, act)
    assert (len(said) >= 3, "known-secret" in "".join(said)) == (True, False)


def test_what_a_hosts_handlers_see_of_a_request_holds_no_secret(caplog, monkeypatch):
    SECRETS.learn("sk-known-secret")
    monkeypatch.setattr(logging.getLogger("llmproxy"), "propagate", True)
    with caplog.at_level("INFO", "llmproxy"):
        logs.log_request(finished(ProviderError(detail="not sk-known-secret"), model="x/sk-known-secret"))
    assert [record.getMessage() for record in caplog.records if "known-secret" in str(vars(record))] == []


def test_the_servers_own_log_is_masked_too(line):
    SECRETS.learn("sk-known-secret")
    stream, server = io.StringIO(), logging.getLogger("gunicorn.error")
    handler = logging.StreamHandler(stream)
    server.addHandler(handler)
    try:
        line("text", lambda: server.warning("Invalid request: 'GET /?key=sk-known-secret'"))
    finally:
        server.removeHandler(handler)
    assert stream.getvalue() == "Invalid request: 'GET /?key=[redacted]'\n"
