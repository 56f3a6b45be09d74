import threading
import time

import pytest

from llmproxy.core.cancel import Cancellation
from llmproxy.core.errors import ClientGone, ProviderTimeout


def test_a_request_is_cancelled_once():
    cancellation, first = Cancellation(), ClientGone()
    cancellation.cancel(first)
    cancellation.cancel(ProviderTimeout())
    assert cancellation.reason is first


def test_of_many_threads_one_cancels():
    cancellation, called, barrier = Cancellation(), [], threading.Barrier(8)
    cancellation.on_cancel(lambda: called.append(1))

    def cancel():
        barrier.wait(5)
        cancellation.cancel(ClientGone())

    threads = [threading.Thread(target=cancel) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert called == [1]


def test_who_asked_is_called_once_with_the_reason_set():
    cancellation, seen = Cancellation(), []
    cancellation.on_cancel(lambda: seen.append(cancellation.reason))
    cancellation.cancel(ClientGone())
    cancellation.cancel(ClientGone())
    assert len(seen) == 1
    assert isinstance(seen[0], ClientGone)


def test_who_asks_too_late_is_called_at_once():
    cancellation, called = Cancellation(), []
    cancellation.cancel(ClientGone())
    cancellation.on_cancel(lambda: called.append(1))
    assert called == [1]


def test_who_is_no_longer_interested_is_not_called():
    cancellation, called = Cancellation(), []
    cancellation.on_cancel(lambda: called.append("one"))()
    cancellation.on_cancel(lambda: called.append("two"))
    cancellation.cancel(ClientGone())
    assert called == ["two"]


def test_losing_interest_may_come_too_late_and_twice():
    cancellation, called = Cancellation(), []
    forget = cancellation.on_cancel(lambda: called.append(1))
    cancellation.cancel(ClientGone())
    forget()
    forget()
    assert called == [1]


def test_a_callback_that_fails_does_not_keep_the_others_asleep(caplog):
    cancellation, called = Cancellation(), []
    cancellation.on_cancel(lambda: 1 / 0)
    cancellation.on_cancel(lambda: called.append(1))
    cancellation.cancel(ClientGone())
    assert called == [1]
    assert "a cancellation callback failed" in caplog.text


def test_a_callback_may_use_the_cancellation_itself():
    cancellation, seen = Cancellation(), []
    cancellation.on_cancel(lambda: cancellation.on_cancel(lambda: seen.append(1)))
    cancellation.cancel(ClientGone())
    assert seen == [1]


def test_check_raises_the_reason_and_nothing_before():
    cancellation = Cancellation()
    cancellation.check()
    cancellation.cancel(ClientGone())
    with pytest.raises(ClientGone):
        cancellation.check()


def test_waiting_ends_by_itself():
    assert Cancellation().wait(0.001) is None


def test_waiting_is_ended_by_a_cancellation():
    cancellation, failures = Cancellation(), []
    asked = threading.Event()

    class Telling(Cancellation):
        def on_cancel(self, callback):
            forget = super().on_cancel(callback)
            asked.set()
            return forget

    cancellation = Telling()

    def sleep():
        try:
            cancellation.wait(60)
        except ClientGone as error:
            failures.append(error)

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    assert asked.wait(5)
    cancellation.cancel(ClientGone())
    thread.join(5)
    assert failures == [cancellation.reason]


def test_waiting_after_a_cancellation_does_not_wait():
    cancellation, before = Cancellation(), time.monotonic()
    cancellation.cancel(ClientGone())
    with pytest.raises(ClientGone):
        cancellation.wait(60)
    assert time.monotonic() - before < 30


def test_waiting_leaves_nobody_to_be_called():
    cancellation = Cancellation()
    cancellation.wait(0)
    assert cancellation._callbacks == []
