"""Providers that are one generator: how `Provider.chat` is run, and what `Provider.post` belongs to."""

import contextvars
import functools
import logging
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from llmproxy.config.models import Timeouts
from llmproxy.core import ndjson
from llmproxy.core.answer import Delta
from llmproxy.core.chat import Audio, Chat, Document, Image, Other, Part, ToolCall, ToolResult
from llmproxy.core.context import Attempt
from llmproxy.core.errors import LLMProxyError, Phase, ProviderError, ProviderTimeout, UnsupportedFeature
from llmproxy.core.request import LLMRequest
from llmproxy.core.secrets import SECRETS
from llmproxy.core.signs import NOTHING, Signs
from llmproxy.core.sse import PAUSE, Event, Step
from llmproxy.dialects.base import ProviderDialect
from llmproxy.dialects.losses import refuse_several_answers, unsaid
from llmproxy.dialects.openai import read_error_object
from llmproxy.dialects.statuses import error_for
from llmproxy.providers.speech import Speech
from llmproxy.transport.reading import Reply

log = logging.getLogger(__name__)

T = TypeVar("T")
Generate = Callable[[Chat], Iterable[Delta | str]]


class PlainWords(ProviderDialect):
    """What is spoken with an upstream like nothing else: only its errors are read, as far as they look like others'."""

    name: ClassVar[str] = "plain"

    def signs(self, event: Event, whole: bool) -> Signs:
        return NOTHING

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        said = read_error_object(body)
        upstream = {name: said[name] for name in ("type", "code") if isinstance(said.get(name), str)}
        words = " ".join(upstream.values()).lower()
        return error_for(status, headers, message=said.get("message"), upstream=upstream, words=words)


PLAIN = PlainWords()


class Posted:
    """What an upstream has answered to `Provider.post`. It is closed when the generator ends.

    Attributes:
        status: The HTTP status, which is none of an error.
        headers: Its headers by lower-case name.
    """

    def __init__(self, reply: Reply, limit: int) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply
        self._limit = limit

    def json(self) -> Any:
        """The whole body as JSON.

        Raises:
            ProviderError: It was cut off, is too long, or is not JSON.
        """
        return self._reply.json(self._limit)

    def events(self) -> Iterator[Event]:
        """The body as server-sent events, each as soon as it is here."""
        return (event for event in self._reply.events() if event.data is not None)

    def lines(self) -> Iterator[bytes]:
        """The body's lines without their ends, each as soon as it is here; empty ones are left out."""
        lines = (item for item in ndjson.decode(self._reply.chunks()) if item is not PAUSE)
        return (line for line in (item.raw.rstrip(b"\r\n") for item in lines) if line)


class Run:
    """One run of a provider's `chat`, in the one thread that serves its request.

    Args:
        generate: The provider's `chat`.
        asked: What it is asked.
        request: Whose answer it makes.
        attempt: The record of this attempt.
        timeouts: How long it may take.
    """

    def __init__(
        self, generate: Generate, asked: Chat, request: LLMRequest, attempt: Attempt, timeouts: Timeouts
    ) -> None:
        self.request = request
        self.attempt = attempt
        self._generate = generate
        self._asked = asked
        self._timeouts = timeouts
        self._replies: list[Reply] = []
        self._ended = self._begun = False
        self._started = self._moved_at = time.monotonic()

    def deltas(self) -> Iterator[Delta | Step]:
        """What is said, step by step. An empty text is none: it gives the proxy a turn, to tell the client that
        somebody is there and to see whether it still is.

        Raises:
            LLMProxyError: What the generator raised, or a `ProviderError` in its place.
        """
        speech = Speech()
        said: Iterator[Delta | str] = iter(())
        try:
            said = self._within(lambda: iter(self._generate(self._asked)))
            while not isinstance(step := self._within(lambda: next(said, _OVER)), _Over):
                self._look_around(moved=step != "")
                if step == "":
                    self.request.context.ticker.tick()
                    yield PAUSE
                else:
                    yield from self._within(functools.partial(_told, speech, step))
            if self._replies and not speech.started:
                raise ProviderError(code="upstream_bad_response", detail="chat said nothing of what the upstream sent")
            self._ended = True
            yield from speech.ending()
        finally:
            self._within(getattr(said, "close", _nothing))

    def take(self, reply: Reply, limit: int) -> Posted:
        """An answer for the generator to read, of at most so many bytes if it is read whole."""
        self._replies.append(reply)
        if self._begun:
            reply.begun()
        return Posted(reply, limit)

    def begun(self) -> None:
        """The first of its steps has come."""
        self._begun = True
        for reply in self._replies:
            reply.begun()

    def close(self) -> None:
        """Gives back what it held of the upstream."""
        for reply in self._replies:
            reply.close(drain=self._ended)

    def _within(self, act: Callable[[], T]) -> T:
        """Has the provider do something, within this run. A failure that is not ours is the provider's."""
        token = _RUN.set(self)
        try:
            return act()
        except LLMProxyError:
            raise
        except Exception as error:
            raise self._failure(error) from error
        finally:
            _RUN.reset(token)

    def _failure(self, error: Exception) -> LLMProxyError:
        """What a bug of the provider's is to everybody else: an upstream that failed. Where nothing was sent to the
        upstream, nothing was paid for, and another target may answer."""
        reason = self.request.context.cancellation.reason
        if reason is not None:
            return reason
        told = "".join(traceback.format_exception(error))
        if SECRETS.mask(told) == told:  # whoever has the log need not have the token
            log.error("chat of the llm %s failed", self.attempt.llm, exc_info=error)
        failure = ProviderError(detail=SECRETS.mask(f"chat failed: {type(error).__name__}: {error}"))
        if not self.attempt.sent:
            failure.elsewhere, failure.settlement = "safe", "void"
        return failure

    def _look_around(self, moved: bool) -> None:
        """Looks, at a step, whether anybody waits for it, and whether it came in time."""
        self.request.context.cancellation.check()
        now, timeouts = time.monotonic(), self._timeouts
        phase: Phase = "progress" if self._begun else "first_event"
        if now - self._started > timeouts.total_secs:
            raise ProviderTimeout(code="deadline_exceeded" if self._begun else "upstream_timeout", phase="total")
        if now - self._moved_at > (timeouts.progress_secs if self._begun else timeouts.first_event_secs):
            raise ProviderTimeout(phase=phase)
        if moved:
            self._moved_at = now
            for reply in self._replies:
                reply.moved()


class _Over:
    """What no generator yields."""


_OVER = _Over()
_RUN: ContextVar[Run | None] = contextvars.ContextVar("llmproxy_run", default=None)


def current_run() -> Run:
    """The run that this thread is in.

    Raises:
        LLMProxyError: It is in none.
    """
    run = _RUN.get()
    if run is None:
        raise LLMProxyError(detail="post belongs to chat, and to the thread that runs it")
    return run


_KINDS: Mapping[type[Part], str] = {
    Image: "images", Audio: "audio", Document: "documents", ToolCall: "tools", ToolResult: "tools", Other: "other",
}  # fmt: skip
_NO_PARAMETERS = ("model", "messages", "stream", "tools", "tool_choice", "parallel_tool_calls", "n", "extra")
_PARAMETERS = tuple(each.name for each in fields(Chat) if each.name not in _NO_PARAMETERS)


def unheeded(chat: Chat, takes: Collection[str]) -> list[str]:
    """The members of a chat that a generator does not look at, which only takes these.

    Raises:
        UnsupportedFeature: They are part of the conversation, or what the answer has to do with.
    """
    kinds = {_KINDS[type(part)] for part in _parts(chat) if type(part) in _KINDS} | ({"tools"} if chat.tools else set())
    for kind in sorted(kinds.difference(takes)):
        raise UnsupportedFeature(f"This target takes no {kind}.", param="tools" if kind == "tools" else "messages")
    if "n" not in takes:
        refuse_several_answers(chat)
    return unsaid(chat, [name for name in _PARAMETERS if name not in takes])


def _parts(chat: Chat) -> Iterator[Part]:
    for part in chat.parts():
        yield part
        if isinstance(part, ToolResult):
            yield from part.parts


def _told(speech: Speech, step: Delta | str) -> list[Delta]:
    return list(speech.deltas(step))


def _nothing() -> None:
    """For a source that needs no closing."""
