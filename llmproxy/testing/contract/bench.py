"""Where a provider is checked: between a client that asks, and an upstream that does as it is told."""

import contextlib
import functools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from llmproxy.config.models import Timeouts
from llmproxy.core.answer import Answer, Delta
from llmproxy.core.client import LLMClient
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ClientGone, LLMProxyError
from llmproxy.core.request import LLMRequest
from llmproxy.core.response import ResponseStream
from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.testing.contract.dialects import ASKING
from llmproxy.testing.contract.subject import Subject, spoken_by
from llmproxy.testing.script import Exchange, Scene
from llmproxy.testing.upstream import FaultUpstream
from llmproxy.testing.words import WORDS, Words
from llmproxy.testing.words.base import nothing
from llmproxy.transport.watchdog import WATCHDOG

PROMPT = "what-is-asked"
SOON_SECS = 1.0
PATIENCE_SECS = 5.0
"""For what ends in a moment where nothing is wrong."""

GIVE_UP_SECS = 2.0
"""How long a client waits that wants to see a deadline kept."""


class NotApplicable(Exception):
    """The promise means nothing for this provider; says why."""


def must(kept: bool, otherwise: str) -> None:
    """Raises unless the promise is kept; `otherwise` says what was seen instead."""
    if not kept:
        raise AssertionError(otherwise)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    Attributes:
        answer: What was said; None where it failed.
        error: Why it failed, or None.
        deltas: What was said, step by step, as far as it came.
        seconds: How long it took.
    """

    context: RequestContext
    answer: Answer | None
    error: LLMProxyError | None
    deltas: tuple[Delta, ...]
    seconds: float

    def failure(self) -> LLMProxyError:
        """The error.

        Raises:
            AssertionError: There is none: what cannot be an answer was taken for one.
        """
        must(self.error is not None, f"this was taken for an answer: {self.text!r}")
        assert self.error is not None
        return self.error

    @property
    def text(self) -> str:
        """All that was said, thoughts excepted."""
        return Answer.collect(self.deltas).text


class Bench:
    """One check's upstream, and the providers that ask it. Closed when the check is over.

    Args:
        subject: What is checked.
        crowd: How many clients there are at once, and how many requests each of them makes.

    Raises:
        ConfigError: The provider cannot be made at all.
    """

    def __init__(self, subject: Subject, crowd: tuple[int, int] = (64, 20)) -> None:
        self.subject = subject
        self.crowd = crowd
        self.upstream = FaultUpstream()
        self._made: list[LLMClient] = []
        try:
            self._words = subject.words_for(self.provider())
        except BaseException:
            self.upstream.close()
            raise
        if self._words is not None:
            self.upstream.words = self._words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for provider in self._made:
            close = getattr(provider, "close", None)
            if close is not None:
                close()
        self.upstream.close()

    def provider(self, **settings: Any) -> LLMClient:
        """A new one; `settings` are fields of `ProviderConfig`."""
        provider = self.subject.make(self.upstream.url, **settings)
        self._made.append(provider)
        return provider

    # What the author has said of the upstream.

    @property
    def asks_upstream(self) -> bool:
        """Whether a question reaches the upstream over HTTP."""
        return asks_upstream(self.subject)

    def needs_upstream(self) -> None:
        """For promises about what is sent."""
        if not self.asks_upstream:
            raise NotApplicable("it asks nobody over HTTP")

    def needs_words(self) -> None:
        """For promises about answers: where somebody else gives them, it has to be known what that one says."""
        if self.asks_upstream and self._words is None:
            raise NotApplicable("nobody has said what its upstream answers: give `words`")

    def needs_stream(self) -> None:
        """For promises about how an upstream streams."""
        self.needs_upstream()
        self.needs_words()
        if not self.streams:
            raise NotApplicable("its upstream is not known to stream: give `say` in its words")

    @property
    def words(self) -> Words:
        """What the upstream says."""
        self.needs_upstream()
        self.needs_words()
        assert self._words is not None
        return self._words

    @property
    def streamed(self) -> Words:
        """What the upstream says, in a stream as well."""
        self.needs_stream()
        return self.words

    @property
    def knows_words(self) -> bool:
        """Whether anybody has said what the upstream says."""
        return self._words is not None

    @property
    def streams(self) -> bool:
        """Whether it is known what the upstream says in a stream."""
        return self._words is not None and self._words.say is not nothing

    def understands(self, dialect: str) -> bool:
        """Whether the upstream has an answer for a request of this client dialect: one that is sent on as it is needs
        the words of that very dialect."""
        sent_as_it_is = dialect in spoken_by(self.provider())
        return not sent_as_it_is or WORDS.get(dialect) is self._words

    # What a client does.

    def request(self, prompt: str = PROMPT, *, stream: bool = False, **members: Any) -> LLMRequest:
        """A chat of OpenAI's, with these further members."""
        return self.request_in("openai.chat", prompt, stream=stream, **members)

    def request_in(self, dialect: str, prompt: str = PROMPT, *, stream: bool = False, **members: Any) -> LLMRequest:
        """A request of a client's dialect, to the upstream's own model."""
        body, path = ASKING[dialect](prompt, self.subject.model, stream)
        context = RequestContext(path=path, query={"alt": "sse"})
        return CLIENT_DIALECTS.get(dialect)().parse(json.dumps({**body, **members}).encode(), context)

    def ask(self, request: LLMRequest | None = None, *, provider: LLMClient | None = None) -> Outcome:
        """Asks, and reads the answer to its end, be it an answer or an error."""
        request = request or self.request()
        deltas: list[Delta] = []
        error: LLMProxyError | None = None
        started = time.monotonic()
        try:
            with self.opened(request, provider) as answer:
                for delta in answer.deltas():
                    deltas.append(delta)
        except LLMProxyError as failed:
            error = failed
        answered = None if error else Answer.collect(deltas)
        return Outcome(request.context, answered, error, tuple(deltas), time.monotonic() - started)

    def answer(self, request: LLMRequest | None = None, *, provider: LLMClient | None = None) -> Answer:
        """The answer to a request.

        Raises:
            LLMProxyError: There is none.
        """
        outcome = self.ask(request, provider=provider)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.answer is not None
        return outcome.answer

    def ask_both(self, **members: Any) -> Iterator[tuple[str, Outcome]]:
        """Asks for a whole answer, and for a stream; both forms have a name."""
        provider = self.provider()
        for form, stream in (("whole", False), ("streamed", True)):
            yield form, self.ask(self.request(stream=stream, **members), provider=provider)

    def opened(self, request: LLMRequest, provider: LLMClient | None = None) -> ResponseStream:
        """An answer that has begun."""
        return (provider or self.provider()).execute(request).prime()

    def impatiently(self, **timeouts: float) -> Outcome:
        """What becomes of a stream whose llm has these deadlines, as far as a client waits for it."""
        request = self.request(stream=True)
        with leaving_after(GIVE_UP_SECS, request):
            return self.ask(request, provider=self.provider(timeouts=Timeouts(**{**_PATIENT, **timeouts})))

    # What the upstream sees and does.

    @property
    def last(self) -> Exchange:
        """The last request that has reached it."""
        must(bool(self.upstream.requests), "nothing reached the upstream")
        return self.upstream.requests[-1]

    def sent(self, request: LLMRequest, *, provider: LLMClient | None = None) -> tuple[list[Exchange], Outcome]:
        """What reaches the upstream when this is asked."""
        before = len(self.upstream.requests)
        outcome = self.ask(request, provider=provider)
        return self.upstream.requests[before:], outcome

    def script(self, make: Callable[[Scene], Any]) -> None:
        """Has the upstream answer by a script."""
        self.upstream.play(make)

    def released(self, secs: float = SOON_SECS) -> bool:
        """Whether every request at the upstream is over soon."""
        return self.upstream.wait_for(lambda upstream: upstream.open_requests == 0, secs)


@contextlib.contextmanager
def in_thread(act: Callable[[], object]) -> Iterator[threading.Thread]:
    """Has something done beside what the block does."""
    thread = threading.Thread(target=act, name="contract-client", daemon=True)
    thread.start()
    yield thread
    thread.join(PATIENCE_SECS)


@contextlib.contextmanager
def leaving_after(secs: float, request: LLMRequest) -> Iterator[None]:
    """Has a request's client leave after so long."""
    alarm = WATCHDOG.at(time.monotonic() + secs, lambda: request.context.cancellation.cancel(ClientGone()))
    yield
    alarm.cancel()


@functools.cache
def asks_upstream(subject: Subject) -> bool:
    """Whether a question reaches an upstream over HTTP."""
    with Bench(subject) as bench:
        request = bench.request()
        with leaving_after(PATIENCE_SECS, request):
            bench.ask(request)
        return bool(bench.upstream.requests)


_PATIENT = dict.fromkeys(("connect_secs", "first_event_secs", "idle_secs", "progress_secs", "total_secs"), 60.0)
