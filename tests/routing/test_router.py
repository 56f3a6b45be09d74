import contextlib
import threading
import time

import pytest

from llmproxy import (
    ClientGone,
    LLMClient,
    LLMProxyError,
    ModelNotFound,
    NoTargetAvailable,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    ResponseStream,
    StreamError,
    TokenError,
    UnsupportedFeature,
)
from llmproxy.core.cancel import Cancellation
from llmproxy.core.context import RequestContext
from llmproxy.routing.catalog import Catalog, Listing
from llmproxy.routing.plan import Plan
from llmproxy.routing.policies import RoundRobinPolicy
from llmproxy.routing.retry import RetryBudget
from llmproxy.routing.router import Router
from llmproxy.routing.target import Target
from llmproxy.routing.upstream import Upstream


class Recorder(LLMClient):
    """Keeps what it is asked, and answers, or fails."""

    def __init__(self, failure=None):
        self.asked = []
        self.failure = failure

    def execute(self, request):
        self.asked.append(request)
        if self.failure:
            raise self.failure
        return ResponseStream([b"{}"], request)


@pytest.fixture
def llm():
    return Recorder()


def router(llm, target=None):
    models = {
        "smart": [Target("a", "big", {"temperature": 0.2, "max_tokens": 9})],
        "two": [Target("gone", "x"), Target("a", "second")],
        "later": [Target("gone", "x")],
    }
    catalog = Catalog(models, [Listing("a", "openai"), Listing("b", "groq")])
    return Router(catalog, {"a": Upstream(llm), "b": Upstream(Recorder())}, target)


def test_the_llm_gets_its_own_name_of_the_model(llm, parse):
    router(llm).execute(parse(model="smart"))
    assert llm.asked[0].model == "big"


def test_params_are_defaults_for_what_the_client_leaves_out(llm, parse):
    router(llm).execute(parse(model="smart", temperature=1))
    assert (llm.asked[0].body["temperature"], llm.asked[0].body["max_tokens"]) == (1, 9)


def test_the_clients_request_is_not_changed(llm, parse):
    request = parse(model="smart")
    router(llm).execute(request)
    assert request.body == {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}


def test_an_attempt_is_noted(llm, parse):
    request = parse(model="smart")
    router(llm).execute(request)
    [attempt] = request.context.attempts
    assert (attempt.llm, attempt.model, attempt.error) == ("a", "big", None)
    assert request.context.answered_by == ("a", "big")


def test_a_failure_is_noted_and_raised(parse):
    failure = ProviderRateLimited()
    request = parse(model="a/x")
    with pytest.raises(ProviderRateLimited):
        router(Recorder(failure)).execute(request)
    assert request.context.attempts[0].error is failure


def test_a_target_whose_llm_is_not_there_is_passed_over(llm, parse):
    router(llm).execute(parse(model="two"))
    assert llm.asked[0].model == "second"


def test_without_any_target_there_is_no_answer(llm, parse):
    with pytest.raises(NoTargetAvailable) as caught:
        router(llm).execute(parse(model="later"))
    assert (caught.value.status, caught.value.code) == (503, "llm_not_configured")


def test_a_route_to_an_llm_sends_every_name_there(llm, parse):
    router(llm, "a").execute(parse(model="b/smart"))
    assert llm.asked[0].model == "b/smart"


def test_a_route_to_a_model_sends_every_name_to_its_target(llm, parse):
    router(llm, "smart").execute(parse(model="whatever"))
    assert llm.asked[0].model == "big"


def test_a_route_to_an_llm_that_is_not_there_goes_nowhere_else(llm, parse):
    with pytest.raises(NoTargetAvailable):
        router(llm, "gone").execute(parse(model="x"))
    assert llm.asked == []


@pytest.mark.parametrize(("allowed", "passes"), [(["x"], True), (["a/*"], True), (["y", "b/*"], False), ([], False)])
def test_a_client_needs_the_name_itself_or_with_the_llm_of_its_route(llm, parse, allowed, passes):
    request = parse(model="x", context=RequestContext(models=tuple(allowed)))
    if passes:
        assert router(llm, "a").execute(request)
    else:
        with pytest.raises(ModelNotFound):
            router(llm, "a").execute(request)


@pytest.mark.parametrize(("allowed", "passes"), [(["smart"], True), (["x"], False)])
def test_a_client_needs_the_model_that_its_route_leads_to(llm, parse, allowed, passes):
    request = parse(model="x", context=RequestContext(models=tuple(allowed)))
    if passes:
        assert router(llm, "smart").execute(request)
    else:
        with pytest.raises(ModelNotFound):
            router(llm, "smart").execute(request)


def test_a_route_to_an_llm_takes_no_name_that_no_model_could_have(llm, parse):
    with pytest.raises(ModelNotFound):
        router(llm, "a").execute(parse(model="../../admin"))


def test_a_whole_answer_is_awaited_before_it_is_handed_on(parse):
    class Fails(LLMClient):
        def execute(self, request):
            def chunks():
                raise ProviderRateLimited
                yield b""

            return ResponseStream(chunks(), request)

    with pytest.raises(ProviderRateLimited):
        router(Fails()).execute(parse(model="a/x"))


# Where the next attempt goes


OVERLOADED = ProviderUnavailable()
AMBIGUOUS = [ProviderError(), ProviderUnreachable(code="upstream_reset"), ProviderTimeout()]
SAFE = [
    ProviderUnreachable(), ProviderTimeout(code="upstream_connect_timeout"), ProviderRateLimited(retry_after=0.01),
    OVERLOADED, ProviderUnavailable(code="upstream_quota_exhausted"), ProviderError(code="upstream_auth_failed"),
    TokenError(),
]  # fmt: skip
FINAL = [
    ProviderRejected(), ProviderError(code="upstream_bad_response"), ProviderUnreachable(code="upstream_truncated"),
    ProviderTimeout(code="deadline_exceeded"), StreamError(), ClientGone(), LLMProxyError(),
]  # fmt: skip
CONTEXT_LENGTH = ProviderRejected(code="upstream_context_length")


def codes(errors):
    return [error.code for error in errors]


class Course:
    """A router with one model, `m`, whose targets are llms that do as they are told."""

    def __init__(self, clock, plan, clients, retries, options):
        self.clients, self.clock = clients, clock
        self.upstreams = {
            name: Upstream(client, name, clock=clock, random=lambda: 0.5, max_retries=retries, **options)
            for name, client in zip("abcd", clients, strict=False)
        }
        names = [name for name in self.upstreams if not plan.longer_context or plan.longer_context.llm != name]
        catalog = Catalog({"m": [Target(name, "x") for name in names]}, [])
        self.router = Router(catalog, self.upstreams, plans={"m": plan}, clock=clock)

    def asked(self):
        return [len(client.asked) for client in self.clients]


@pytest.fixture
def course(clock, scripted, monkeypatch):
    """Makes a router over llms with a script each. Time that is slept passes on the clock."""
    monkeypatch.setattr(Cancellation, "wait", lambda self, seconds: clock.passes(seconds))

    def make(*scripts, plan=None, retries=0, **options):
        return Course(clock, plan or Plan(), [scripted(*script) for script in scripts], retries, options)

    return make


def outcome(course, request):
    """The code of the failure; None for an answer."""
    try:
        with course.router.execute(request) as stream:
            list(stream)
    except LLMProxyError as error:
        return error.code


@pytest.mark.parametrize("error", SAFE, ids=codes(SAFE))
def test_the_next_target_is_asked_where_the_provider_did_no_work(course, parse, error):
    two = course([error], [None])
    assert outcome(two, parse()) is None
    assert two.asked() == [1, 1]


@pytest.mark.parametrize("error", AMBIGUOUS, ids=codes(AMBIGUOUS))
@pytest.mark.parametrize("allowed", [False, True])
def test_the_next_target_is_asked_after_perhaps_done_work_only_where_that_is_wanted(course, parse, error, allowed):
    two = course([error], [None], plan=Plan(on_ambiguous=allowed))
    assert outcome(two, parse()) == (None if allowed else error.code)
    assert two.asked() == [1, int(allowed)]


@pytest.mark.parametrize("error", FINAL, ids=codes(FINAL))
def test_nobody_else_is_asked_where_the_request_is_at_fault_or_was_paid_for(course, parse, error):
    two = course([error], [None], plan=Plan(on_ambiguous=True), retries=1)
    assert outcome(two, parse()) == error.code
    assert two.asked() == [1, 0]


def test_every_further_target_is_tried_once_each(course, parse):
    three = course([OVERLOADED], [OVERLOADED], [OVERLOADED])
    assert outcome(three, parse()) == "upstream_overloaded"
    assert three.asked() == [1, 1, 1]


REPEATABLE, NOT_REPEATABLE = SAFE[:4], SAFE[4:] + AMBIGUOUS + FINAL


@pytest.mark.parametrize("error", REPEATABLE, ids=codes(REPEATABLE))
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_same_target_is_asked_again_as_often_as_max_retries_says(course, parse, error, retries):
    one = course([error], retries=retries)
    assert outcome(one, parse()) == error.code
    assert one.asked() == [1 + retries]


@pytest.mark.parametrize("error", NOT_REPEATABLE, ids=codes(NOT_REPEATABLE))
def test_the_same_target_is_not_asked_again_after(course, parse, error):
    one = course([error], retries=3)
    assert outcome(one, parse()) == error.code
    assert one.asked() == [1]


def test_a_repeat_may_succeed(course, parse):
    one = course([OVERLOADED, None], retries=1)
    request = parse()
    assert outcome(one, request) is None
    assert [attempt.error for attempt in request.context.attempts] == [OVERLOADED, None]


@pytest.mark.parametrize(("wanted", "count"), [(False, 1), (True, 2)])
def test_a_stale_connection_is_worth_another_attempt_only_where_that_is_wanted(course, parse, wanted, count):
    one = course([ProviderUnreachable(code="upstream_stale_connection")], retries=1, retry_on_stale_reuse=wanted)
    assert outcome(one, parse()) == "upstream_reset"
    assert one.asked() == [count]


def test_nothing_is_repeated_once_the_budget_is_spent(course, parse):
    one = course([OVERLOADED], retries=1)
    one.upstreams["a"].budget = spent = RetryBudget(one.clock)
    while spent.take():
        pass
    outcome(one, parse())
    assert one.asked() == [1]


def test_a_fallback_takes_nothing_from_the_budget(course, parse):
    two = course([ProviderError(code="upstream_quota_exhausted")], [None])
    budget = two.upstreams["a"].budget
    for _ in range(30):
        outcome(two, parse())
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]


def test_the_pause_is_at_least_what_the_upstream_asked_for(course, parse, clock):
    one = course([ProviderUnavailable(retry_after=1.5), None], retries=1)
    assert outcome(one, parse()) is None
    assert clock.now >= 1001.5


def test_a_pause_that_is_too_long_for_a_thread_is_left_to_the_client(course, parse, clock):
    two = course([ProviderRateLimited(retry_after=5)], [ProviderRateLimited(retry_after=9)], retries=1)
    assert outcome(two, parse()) == "upstream_rate_limited"
    assert (two.asked(), clock.now) == ([1, 1], 1000)


def test_nothing_is_sent_while_every_target_cools_down(course, parse, clock):
    two = course([ProviderRateLimited(retry_after=9)], [ProviderRateLimited(retry_after=5)])
    outcome(two, parse())
    clock.passes(2)
    request = parse()
    with pytest.raises(ProviderRateLimited) as caught:
        two.router.execute(request)
    assert (caught.value.status, caught.value.retry_after) == (429, 3)
    assert (two.asked(), request.context.attempts) == ([1, 1], [])


def test_a_target_that_cools_down_is_passed_over(course, parse):
    two = course([ProviderRateLimited(retry_after=9)], [None])
    outcome(two, parse())
    outcome(two, parse())
    assert two.asked() == [1, 2]


def test_an_open_circuit_is_passed_over_and_alone_refuses_at_once(course, parse):
    one, two = course([ProviderUnreachable()]), course([ProviderUnreachable()], [None])
    for _ in range(6):
        outcome(two, parse())
    assert two.asked() == [5, 6]
    assert [outcome(one, parse()) for _ in range(6)] == ["upstream_unavailable"] * 5 + ["upstream_circuit_open"]


def test_the_failure_that_is_told_is_the_last_one(course, parse):
    assert outcome(course([OVERLOADED], [ProviderRateLimited()]), parse()) == "upstream_rate_limited"


def test_what_one_target_cannot_do_does_not_hide_that_another_failed(course, parse):
    assert outcome(course([OVERLOADED], [UnsupportedFeature()]), parse()) == "upstream_overloaded"
    assert outcome(course([UnsupportedFeature()], [OVERLOADED]), parse()) == "upstream_overloaded"


def test_the_next_target_is_asked_for_what_the_first_cannot_do(course, parse):
    assert outcome(course([UnsupportedFeature()], [None]), parse()) is None
    assert outcome(course([UnsupportedFeature()], [UnsupportedFeature()]), parse()) == "unsupported_feature"


def test_a_prompt_that_is_too_long_goes_to_whom_the_model_names_for_that(course, parse):
    three = course([CONTEXT_LENGTH], [None], [None], plan=Plan(longer_context=Target("c", "long")))
    assert outcome(three, parse()) is None
    assert three.asked() == [1, 0, 1]


def test_a_prompt_that_is_too_long_stays_so_where_nobody_is_named(course, parse):
    two = course([CONTEXT_LENGTH], [None])
    assert outcome(two, parse()) == "upstream_rejected"
    assert two.asked() == [1, 0]


def test_a_target_for_long_prompts_gets_no_other_requests(course, parse):
    two = course([OVERLOADED], [None], plan=Plan(longer_context=Target("b", "long")))
    assert outcome(two, parse()) == "upstream_overloaded"
    assert two.asked() == [1, 0]


@pytest.mark.parametrize(("left", "count"), [(1.9, 1), (2.5, 2), (None, 2)])
def test_no_further_attempt_is_started_with_less_than_two_seconds_left(course, parse, clock, left, count):
    two = course([OVERLOADED], [None])
    outcome(two, parse(context=RequestContext(deadline=left and clock.now + left)))
    assert sum(two.asked()) == count


def test_the_pause_counts_against_the_time_that_is_left(course, parse, clock):
    one = course([ProviderUnavailable(retry_after=1), None], retries=1)
    outcome(one, parse(context=RequestContext(deadline=clock.now + 2.5)))
    assert one.asked() == [1]


def test_no_further_attempt_is_started_once_the_request_is_cancelled(course, parse):
    context = RequestContext()

    def leaves(request):
        context.cancellation.cancel(ClientGone())
        raise OVERLOADED

    two = course([leaves], [None])
    outcome(two, parse(context=context))
    assert two.asked() == [1, 0]


def test_a_sleeping_thread_wakes_when_its_request_is_cancelled(clock, scripted, parse):
    upstream = Upstream(scripted(ProviderUnavailable(retry_after=2)), random=lambda: 0.0)
    context = RequestContext()
    timer = threading.Timer(0.05, lambda: context.cancellation.cancel(ClientGone()))
    timer.start()
    started = time.monotonic()
    with pytest.raises(ClientGone):
        Router(Catalog({"m": [Target("a", "x")]}, []), {"a": upstream}).execute(parse(context=context))
    timer.join()
    assert time.monotonic() - started < 1


# Tokens


def test_another_token_is_tried_where_one_was_refused(course, parse):
    one = course([ProviderError(code="upstream_auth_failed"), None], tokens=2)
    request = parse()
    assert outcome(one, request) is None
    assert [attempt.token for attempt in request.context.attempts] == [0, 1]


def test_each_token_is_tried_once_before_the_next_target(course, parse):
    two = course([ProviderRateLimited(retry_after=5)], [None], tokens=3)
    assert outcome(two, parse()) is None
    assert two.asked() == [3, 1]


def test_a_token_that_is_not_set_makes_no_attempt(course, parse):
    one = course([TokenError(), None], tokens=2)
    request = parse()
    assert outcome(one, request) is None
    assert [attempt.token for attempt in request.context.attempts] == [1]


# What is seen of each


def breaks(error):
    """An answer that breaks after its first piece."""

    def answer(request):
        def chunks():
            yield b"{"
            raise error

        return ResponseStream(chunks(), request)

    return answer


def test_streams_that_break_open_the_circuit(course, parse):
    one = course([breaks(ProviderUnreachable(code="upstream_reset"))])
    for _ in range(10):
        with contextlib.suppress(ProviderError), one.router.execute(parse(stream=True)) as stream:
            list(stream)
    assert outcome(one, parse()) == "upstream_circuit_open"


def test_clients_that_leave_are_not_held_against_the_upstream(course, parse):
    one = course([None])
    for _ in range(30):
        one.router.execute(parse()).close()
    assert one.asked() == [30]


def test_a_deadline_of_the_clients_is_not_held_against_the_upstream(course, parse):
    late = ProviderTimeout(code="deadline_exceeded")

    def passes(request):
        request.context.cancellation.cancel(late)
        raise late

    one = course([passes])
    assert {outcome(one, parse()) for _ in range(30)} == {"deadline_exceeded"}


def test_a_request_is_in_flight_until_its_stream_is_closed(course, parse):
    one = course([None])
    stream = one.router.execute(parse())
    load = one.upstreams["a"].load("x")
    assert load.in_flight == 1
    stream.close()
    assert load.in_flight == 0


@pytest.mark.parametrize("error", [OVERLOADED, ZeroDivisionError()])
def test_a_failed_attempt_is_not_in_flight(course, parse, error):
    one = course([error])
    with pytest.raises(type(error)):
        one.router.execute(parse())
    assert one.upstreams["a"].load("x").in_flight == 0


def test_headers_of_a_failed_attempt_are_not_those_of_the_answer(course, parse):
    def refuses(request):
        request.context.response_headers["x-ratelimit-remaining"] = "0"
        raise OVERLOADED

    request = parse()
    outcome(course([refuses], [None]), request)
    assert request.context.response_headers == {}


def test_the_policy_says_who_is_asked_first(course, parse):
    two = course([None], [None], plan=Plan(RoundRobinPolicy()))
    for _ in range(4):
        outcome(two, parse())
    assert two.asked() == [2, 2]


def test_one_probe_at_a_time_is_let_through_a_half_open_circuit(course, parse, clock):
    one = course([ProviderUnreachable()])
    for _ in range(5):
        outcome(one, parse())
    clock.passes(20)
    during = []

    def probe(request):
        during.append(outcome(one, parse()))
        return ResponseStream([b"{}"], request)

    one.clients[0].script = (probe,)
    assert outcome(one, parse()) is None
    assert during == ["upstream_circuit_open"]
