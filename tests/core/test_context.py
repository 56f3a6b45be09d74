import threading
import traceback
import weakref

import pytest

from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.errors import (
    ClientGone,
    LLMProxyError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    StreamError,
)

SENT = Attempt("l", "m", sent=True)
UNSENT = Attempt("l", "m")


def outcome(error=None, attempts=(), begun=False, stream=True):
    context = RequestContext(attempts=list(attempts), stream=stream)
    if begun:
        context.saw_event()
    context.finish(error)
    return context.outcome.settlement, context.outcome.status


@pytest.mark.parametrize(
    ("error", "attempts", "begun", "settlement"),
    [
        (None, [SENT], True, "settled"),
        (None, [UNSENT, SENT], True, "settled"),
        (None, [], False, "void"),
        (LLMProxyError(code="invalid_json"), [], False, "void"),
        (LLMProxyError(code="upstream_unavailable"), [UNSENT], False, "void"),
        (LLMProxyError(code="upstream_connect_timeout"), [UNSENT], False, "void"),
        (ClientGone(), [UNSENT], False, "void"),
        (LLMProxyError(code="upstream_rate_limited"), [SENT], False, "void"),
        (LLMProxyError(code="upstream_rejected"), [SENT], False, "void"),
        (LLMProxyError(code="upstream_overloaded"), [SENT], False, "void"),
        (LLMProxyError(code="upstream_reset"), [SENT], False, "unknown"),
        (LLMProxyError(code="upstream_timeout"), [SENT], False, "unknown"),
        (LLMProxyError(code="upstream_truncated"), [SENT], False, "unknown"),
        (LLMProxyError(code="internal_error"), [SENT], False, "unknown"),
        (ClientGone(), [SENT], False, "unknown"),
        (ClientGone(), [SENT], True, "partial"),
        (StreamError(code="upstream_stream_reset"), [SENT], True, "partial"),
        (LLMProxyError(code="deadline_exceeded"), [SENT], True, "partial"),
        (LLMProxyError(code="server_shutdown"), [SENT], True, "partial"),
    ],
)
def test_a_request_is_settled_by_how_far_it_came(error, attempts, begun, settlement):
    assert outcome(error, attempts, begun)[0] == settlement


def test_an_attempt_that_may_have_been_billed_is_not_forgotten_for_the_one_after_it():
    perhaps = Attempt("a", "m", sent=True, error=LLMProxyError(code="upstream_error"))
    refused = Attempt("b", "m", sent=True, error=LLMProxyError(code="upstream_overloaded"))
    assert outcome(refused.error, [perhaps, refused])[0] == "unknown"
    assert outcome(refused.error, [refused, refused])[0] == "void"


@pytest.mark.parametrize(
    ("error", "begun", "stream", "status"),
    [
        (None, True, True, 200),
        (ProviderUnavailable(), False, True, 503),
        (StreamError(), True, True, 200),
        (ProviderTimeout(), True, False, 504),
        (ProviderError(status=418), False, False, 418),
        (ClientGone(), False, True, 499),
        (ClientGone(), True, True, 499),
        (ClientGone(), True, False, 499),
    ],
)
def test_the_status_is_what_the_client_was_given_or_499(error, begun, stream, status):
    assert outcome(error, [SENT], begun, stream)[1] == status


def test_a_request_finishes_once():
    context, called = RequestContext(attempts=[SENT]), []
    context.on_finish(lambda finished: called.append(finished.outcome.settlement))
    context.finish()
    context.finish(ClientGone())
    assert called == ["settled"]
    assert context.outcome.error is None


def test_of_many_threads_one_finishes():
    context, called, barrier = RequestContext(), [], threading.Barrier(8)
    context.on_finish(called.append)

    def finish():
        barrier.wait(5)
        context.finish()

    threads = [threading.Thread(target=finish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert called == [context]


def test_a_finish_callback_that_fails_does_not_keep_the_next_from_running(caplog):
    context, called = RequestContext(), []
    context.on_finish(lambda finished: 1 / 0)
    context.on_finish(called.append)
    context.finish()
    assert called == [context]
    assert "a finish callback failed" in caplog.text


def test_a_finish_callback_may_finish_again():
    context, called = RequestContext(), []
    context.on_finish(lambda finished: (called.append(1), finished.finish(ClientGone())))
    context.finish()
    assert called == [1]


def test_an_answer_with_a_status_of_its_own_is_told_by_that():
    for error in (None, StreamError()):
        context = RequestContext(attempts=[SENT], stream=True, status=206)
        context.saw_event()
        context.finish(error)
        assert context.outcome.status == 206


def test_only_the_first_event_is_noted():
    context = RequestContext()
    context.saw_event()
    first = context.first_event_at
    context.saw_event()
    assert context.first_event_at is first


def test_ids_differ():
    assert RequestContext().id != RequestContext().id


def test_a_child_shares_its_caller_and_its_cancellation():
    parent = RequestContext(client="alice")
    child = parent.child("ask")
    assert (child.client, child.route, child.cancellation) == ("alice", "ask", parent.cancellation)
    assert child.id.startswith(parent.id + ".")


def test_a_child_finishes_by_itself():
    called = []
    parent = RequestContext()
    parent.on_finish(called.append)
    child = parent.child("ask")
    child.finish()
    assert (called, parent.outcome) == ([child], None)


def test_contexts_share_nothing():
    one, other = RequestContext(), RequestContext()
    one.attempts.append(SENT)
    one.data["a"] = one.response_headers["x-a"] = "b"
    assert (other.attempts, other.data, other.response_headers) == ([], {}, {})


class Body(bytearray):
    """Bytes that can be told to be gone."""


def fail_with(body):
    """Fails where a body is at hand, as a reader does."""
    pieces = [body]
    raise ProviderError(detail=f"after {len(pieces)}")


def test_a_failure_keeps_nothing_of_what_it_has_met():
    context, body = RequestContext(), Body()
    gone = weakref.ref(body)
    try:
        fail_with(body)
    except ProviderError as error:
        failure = error
    del body
    context.attempts.append(Attempt("up", "m", error=failure))
    context.finish(failure)
    assert gone() is None
    assert [frame.name for frame in traceback.extract_tb(failure.__traceback__)][-1] == "fail_with"
