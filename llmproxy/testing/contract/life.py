"""Many requests, one after another, at once, and abandoned: none of them is another's business."""

import contextlib
import functools
import re
import threading
import time
from collections.abc import Iterable, Iterator

from llmproxy.core.client import LLMClient
from llmproxy.core.errors import ClientGone
from llmproxy.testing.contract.bench import PATIENCE_SECS, SOON_SECS, Bench, NotApplicable, in_thread, must
from llmproxy.testing.faults.ok import streamed, whole
from llmproxy.testing.pieces import LAST_CHUNK
from llmproxy.testing.script import Scene, Step
from llmproxy.testing.upstream import THREAD

_MARK = re.compile(rb"mark-\d+-end")
_OURS = (THREAD, "llmproxy-watchdog")


def lets_the_upstream_go_when_its_client_leaves(bench: Bench) -> None:
    """When nobody waits any more, the upstream's connection is closed within a second, whatever it is doing."""
    bench.needs_upstream()
    provider = bench.provider()
    for fault in ("slow_headers", *(["stall_midway"] if bench.streams else [])):
        bench.upstream.play(fault, **({"seconds": 60.0} if fault == "slow_headers" else {}))
        request = bench.request(stream=True)
        with in_thread(lambda request=request: bench.ask(request, provider=provider)) as client:  # type: ignore[misc]
            there = bench.upstream.wait_for(lambda upstream: upstream.open_requests == 1, PATIENCE_SECS)
            must(there, f"{fault}: the request did not arrive")
            time.sleep(0.05)  # so that the provider waits for the answer
            request.context.cancellation.cancel(ClientGone())
            must(bench.released(), f"{fault}: a second after its client had left, the upstream was still asked")
            client.join(SOON_SECS)
            must(not client.is_alive(), f"{fault}: a second after its client had left, the thread was still waiting")


def lets_the_upstream_go_when_its_answer_is_closed(bench: Bench) -> None:
    """When an answer is closed before its end, so is the upstream's connection."""
    bench.needs_stream()
    bench.upstream.play("drip", pause=0.02)
    answer = bench.opened(bench.request(stream=True))
    next(answer)
    answer.close()
    must(bench.released(), "a second after its answer was closed, the upstream was still sending")


def leaves_no_thread_behind(bench: Bench) -> None:
    """When the provider is closed, there is no thread more than before it was made."""
    before = set(threading.enumerate())
    provider = bench.provider()
    for stream in (False, True, True):
        bench.ask(bench.request(stream=stream), provider=provider)
    bench.upstream.play("status:503")
    bench.ask(provider=provider)
    close = getattr(provider, "close", None)
    if close is not None:
        close()
    left = _others(before)
    end = time.monotonic() + SOON_SECS
    while left and time.monotonic() < end:
        time.sleep(0.01)
        left = _others(before)
    must(not left, f"these threads were left behind: {', '.join(left)}")


def serves_on_after_failures(bench: Bench) -> None:
    """A failure is one request's own: the next request is answered."""
    bench.needs_upstream()
    provider = bench.provider()
    for fault in ("status:500", "status:401", "close_before_answer", "no_json_answer", "refuse"):
        bench.upstream.play(fault)
        for stream in (False, True):
            bench.ask(bench.request(stream=stream), provider=provider)
        bench.upstream.play("ok")
        if bench.knows_words:
            bench.answer(provider=provider)
        else:
            requests, outcome = bench.sent(bench.request(), provider=provider)
            must(bool(requests), f"after {fault} nothing is sent any more: {outcome.error!r}")


def keeps_requests_apart(bench: Bench) -> None:
    """64 threads with 20 requests each: everybody gets the answer to what they have asked."""
    provider, (threads, rounds) = bench.provider(), bench.crowd
    prompts = [f"mark-{number}-end" for number in range(threads)]
    bench.needs_words()
    expected = prompts if bench.asks_upstream else _answers(bench, provider, prompts)
    if bench.asks_upstream:
        bench.script(_marked)
    elif bench.answer(bench.request(prompts[0]), provider=provider).text != expected[0]:
        raise NotApplicable("it answers the same question in several ways")
    asked: list[str] = []
    wrong: list[str] = []

    def ask(prompt: str, right: str) -> None:
        for stream in [False, True] * (rounds // 2):
            outcome = bench.ask(bench.request(prompt, stream=stream), provider=provider)
            asked.append(prompt)
            if outcome.error is not None or not outcome.text.endswith(right):
                wrong.append(f"{prompt} got {outcome.text!r}, {outcome.error!r}")

    with contextlib.ExitStack() as crowd:
        for prompt, right in zip(prompts, expected, strict=True):
            crowd.enter_context(in_thread(functools.partial(ask, prompt, right)))
    must(len(asked) == threads * rounds, f"of {threads * rounds} requests {len(asked)} came to an end")
    must(not wrong, f"{len(wrong)} answers were wrong; the first: {wrong[0] if wrong else ''}")


def _answers(bench: Bench, provider: LLMClient, prompts: Iterable[str]) -> list[str]:
    return [bench.answer(bench.request(prompt), provider=provider).text for prompt in prompts]


def _marked(scene: Scene) -> Iterator[Step]:
    """Answers with the mark that stands in the request."""
    found = _MARK.search(scene.request.body) if scene.request else None
    mark = found[0].decode() if found else "no mark"
    if scene.streaming:
        yield from streamed(scene, *scene.words.stream(mark))
        yield LAST_CHUNK
    else:
        yield whole(scene, mark)


def _others(before: set[threading.Thread]) -> list[str]:
    """The names of the threads that were not there before, the upstream's and the watchdog's excepted."""
    return [each.name for each in threading.enumerate() if each not in before and each.name not in _OURS]
