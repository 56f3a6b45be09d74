"""What is answered: the same in every form and dialect, ended once, counted once."""

import json

from llmproxy.core.answer import Answer, Aside, Counted, End
from llmproxy.testing.contract.bench import Bench, NotApplicable, must
from llmproxy.testing.contract.dialects import ASKING
from llmproxy.testing.faults.ok import answered, streamed, whole
from llmproxy.testing.pieces import LAST_CHUNK
from llmproxy.testing.script import Scene
from llmproxy.testing.words.base import ARGUMENTS, TOOL, written

ODD = 'caf\u00e9 \u65e5\u672c \U0001f99c "quoted" \\ tab\t line\nnext \u2028 end'


def says_what_the_upstream_said(bench: Bench) -> None:
    """The text of a whole answer is the upstream's, character by character."""
    bench.needs_upstream()
    bench.needs_words()
    bench.script(lambda scene: [whole(scene, ODD)])
    said = bench.answer().text
    must(said == ODD, f"the upstream said {ODD!r}, and the answer is {said!r}")


def streams_what_it_says_whole(bench: Bench) -> None:
    """A stream put together is the whole answer to the same question."""
    bench.needs_words()
    one, other, joined = bench.answer(), bench.answer(), bench.answer(bench.request(stream=True))
    if _said(one) != _said(other):
        raise NotApplicable("it answers the same question in several ways")
    must(_said(one) == _said(joined), f"whole: {_said(one)}, streamed: {_said(joined)}")


def ends_each_answer_once(bench: Bench) -> None:
    """Each choice has one end, after which nothing is said but what it cost; and so has the client's stream."""
    bench.needs_words()
    for form, outcome in bench.ask_both():
        if outcome.error is not None:
            raise outcome.error
        ends = [place for place, delta in enumerate(outcome.deltas) if isinstance(delta, End)]
        must(len(ends) == 1, f"{form}: the answer has {len(ends)} ends")
        after = [type(delta).__name__ for delta in outcome.deltas[ends[0] + 1 :] if not isinstance(delta, _AFTER_END)]
        must(not after, f"{form}: after the end comes {after}")
    with bench.opened(bench.request(stream=True)) as stream:
        body = b"".join(stream)
    must(body.count(b"data: [DONE]") == 1, "the client's stream has not one end")


def counts_usage_once(bench: Bench) -> None:
    """The tokens that the upstream counted are those of the ledger, whole or streamed."""
    counted = bench.words.counted
    if counted is None:
        raise NotApplicable("its upstream is not known to count: give `counted` in its words")
    for form, outcome in bench.ask_both():
        usage = outcome.context.usage
        said = (usage.input, usage.output) if usage else None
        must(said == counted, f"{form}: the upstream counted {counted}, and {said} arrived")


def hands_tool_calls_on(bench: Bench) -> None:
    """A call that the model asks for arrives with its name and arguments, whole or streamed."""
    words = bench.words
    if words.calling is None:
        raise NotApplicable("its upstream is not known to call tools: give `calling` in its words")
    bench.script(_calling)
    for form, outcome in bench.ask_both():
        if outcome.error is not None:
            raise outcome.error
        calls = Answer.collect(outcome.deltas).tool_calls
        said = [(call.name, json.loads(call.arguments or "{}")) for call in calls]
        must(said == [(TOOL, ARGUMENTS)], f"{form}: {said} was called")


def answers_every_client_dialect(bench: Bench) -> None:
    """Whoever asks, in whatever dialect and form, is answered in it."""
    bench.needs_words()
    for dialect in filter(bench.understands, ASKING):
        for stream in (False, True):
            form = f"{dialect}, {'streamed' if stream else 'whole'}"
            with bench.opened(bench.request_in(dialect, stream=stream)) as answer:
                body = b"".join(answer)
            must(answer.failure is None, f"{form}: {answer.failure!r}")
            must(b"two" in body or not bench.asks_upstream, f"{form}: the text did not arrive: {body[:200]!r}")
            must(bool(body), f"{form}: nothing was answered")


_AFTER_END = (Counted, Aside)


def _said(answer: Answer) -> tuple[object, ...]:
    calls = [(call.name, call.arguments) for call in answer.tool_calls]
    return answer.text, answer.thinking, calls, answer.reason


def _calling(scene: Scene) -> list[object]:
    words = scene.words
    if scene.streaming:
        return [*streamed(scene, *words.call, *words.call_rest), LAST_CHUNK]
    return [answered(scene, written(words.calling))]
