"""The one way to stop a request, whoever wants it stopped."""

import logging
import threading
from collections.abc import Callable

from llmproxy.core.errors import LLMProxyError

log = logging.getLogger(__name__)


class Cancellation:
    """Why a request should stop, and whom to wake. Thread-safe, set at most once."""

    __slots__ = ("_callbacks", "_lock", "reason")

    def __init__(self) -> None:
        self.reason: LLMProxyError | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def cancel(self, reason: LLMProxyError) -> None:
        """Stops the request for `reason`, unless it was stopped before; wakes whoever asked to be woken."""
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback)

    def on_cancel(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` when the request is cancelled, at once if it was already.

        Returns:
            A function to call when one is no longer interested.
        """
        with self._lock:
            waiting = self.reason is None
            if waiting:
                self._callbacks.append(callback)
        if not waiting:
            _call(callback)
        return lambda: self._forget(callback)

    def check(self) -> None:
        """Raises the reason, if there is one."""
        if self.reason is not None:
            raise self.reason

    def wait(self, seconds: float) -> None:
        """Sleeps, unless the request is cancelled meanwhile: then raises the reason at once."""
        woken = threading.Event()
        forget = self.on_cancel(woken.set)
        woken.wait(seconds)
        forget()
        self.check()

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # one who cannot be woken must not keep the others asleep
        log.exception("a cancellation callback failed")
