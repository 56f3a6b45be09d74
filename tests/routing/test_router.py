import pytest

from llmproxy import LLMClient, ModelNotFound, NoTargetAvailable, ProviderRateLimited, ResponseStream
from llmproxy.core.context import RequestContext
from llmproxy.routing.catalog import Catalog, Listing
from llmproxy.routing.router import Router
from llmproxy.routing.target import Target


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
    return Router(catalog, {"a": llm, "b": Recorder()}, target)


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
