"""What the tests on sockets do not reach: how the exceptions of four libraries are told apart."""

import http.client
import ssl

import pytest
import requests
import urllib3.exceptions
from urllib3.exceptions import IncompleteRead, ProtocolError, ReadTimeoutError

from llmproxy.core.cancel import Cancellation
from llmproxy.core.errors import ClientGone, ProviderError
from llmproxy.transport.failures import FOREIGN, translated
from llmproxy.transport.framing import UnusableAnswer
from llmproxy.transport.lease import Lease


def code(error, sent=True, answered=False, cut="upstream_reset"):
    lease = Lease()
    lease.sent = sent
    if answered:
        lease.answer = object()
    translation = translated(error, lease, Cancellation(), cut)
    assert isinstance(translation, ProviderError)
    assert isinstance(error, FOREIGN)
    return translation.code, translation.should_retry


def caused(error, cause):
    error.__cause__ = cause
    return error


TIMEOUTS = [
    TimeoutError("timed out"),
    requests.ReadTimeout("x"),
    requests.ConnectTimeout("x"),
    requests.ConnectionError(ReadTimeoutError(None, None, "x")),
    ReadTimeoutError(None, None, "x"),
    urllib3.exceptions.ConnectTimeoutError(None, "x"),
    requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", TimeoutError("x"))),
]
CUTS = [
    ConnectionResetError("x"),
    BrokenPipeError("x"),
    http.client.RemoteDisconnected("x"),
    http.client.IncompleteRead(b""),
    IncompleteRead(1, 2),
    requests.ConnectionError(ProtocolError("Connection aborted.", http.client.RemoteDisconnected("x"))),
    ProtocolError("x", ConnectionResetError("x")),
    ssl.SSLEOFError("x"),
    EOFError("x"),
]
MALFORMED = [
    UnusableAnswer("x"),
    http.client.BadStatusLine("x"),
    http.client.LineTooLong("x"),
    http.client.UnknownProtocol("x"),
    ValueError("x"),
    requests.ConnectionError(ProtocolError("x", UnusableAnswer("x"))),
]


@pytest.mark.parametrize("error", TIMEOUTS, ids=repr)
def test_a_timeout_before_anything_was_sent_is_safe_to_retry(error):
    assert code(error, sent=False) == ("upstream_timeout", True)


@pytest.mark.parametrize("error", TIMEOUTS, ids=repr)
@pytest.mark.parametrize("answered", [True, False])
def test_a_timeout_after_something_was_sent_is_not(error, answered):
    assert code(error, answered=answered) == ("upstream_timeout", False)


@pytest.mark.parametrize("error", [error for error in CUTS + MALFORMED if isinstance(error, FOREIGN)], ids=repr)
def test_any_other_failure_before_anything_was_sent_is_safe_to_retry(error):
    assert code(error, sent=False) == ("upstream_unavailable", True)


@pytest.mark.parametrize("error", [error for error in CUTS if isinstance(error, FOREIGN)], ids=repr)
def test_a_connection_that_broke_is_told_by_how_far_it_came(error):
    assert code(error) == ("upstream_reset", False)
    assert code(error, answered=True, cut="upstream_truncated") == ("upstream_truncated", False)


@pytest.mark.parametrize("error", MALFORMED, ids=repr)
def test_a_head_that_is_malformed_is_a_bad_response(error):
    assert code(error) == ("upstream_bad_response", False)


@pytest.mark.parametrize("error", MALFORMED, ids=repr)
def test_a_body_that_is_malformed_is_cut(error):
    assert code(error, answered=True, cut="upstream_truncated")[0] == "upstream_truncated"


def test_whoever_cancelled_has_the_last_word():
    cancellation, reason = Cancellation(), ClientGone()
    cancellation.cancel(reason)
    assert translated(ConnectionResetError(), Lease(), cancellation) is reason


def test_the_cause_is_looked_for_below_what_wraps_it():
    assert (
        code(caused(requests.RequestException("x"), caused(OSError("y"), TimeoutError("z"))))[0] == "upstream_timeout"
    )


def test_exceptions_that_wrap_each_other_are_looked_at_once():
    one, other = OSError("a"), OSError("b")
    one.__cause__, other.__cause__ = other, one
    assert code(one, sent=False) == ("upstream_unavailable", True)


@pytest.mark.parametrize(
    ("reused", "heard", "again"), [(True, False, "stale"), (True, True, "no"), (False, False, "no")]
)
def test_a_reused_connection_that_breaks_without_a_byte_was_a_stale_one(reused, heard, again):
    lease = Lease()
    lease.sent, lease.reused, lease.heard = True, reused, heard
    error = translated(http.client.RemoteDisconnected(""), lease, Cancellation())
    assert (error.code, error.again) == ("upstream_reset", again)
