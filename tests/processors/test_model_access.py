"""Whether a client may use a model is decided before any other processor spends something."""

import pytest

from llmproxy import ModelNotFound, Processor
from llmproxy.core.context import RequestContext
from llmproxy.processors.model_access import ModelAccessProcessor
from llmproxy.routing.catalog import Catalog, Listing
from llmproxy.routing.router import Router


@pytest.fixture
def router():
    return Router(Catalog({}, [Listing("up", "openai")]), {})


def test_a_model_of_the_clients_list_passes(router, parse):
    request = parse(model="up/m", context=RequestContext(models=("up/*",)))
    assert ModelAccessProcessor(router.permit).process(request) is request


def test_another_model_is_refused(router, parse):
    request = parse(model="up/m", context=RequestContext(models=("echo",)))
    with pytest.raises(ModelNotFound):
        ModelAccessProcessor(router.permit).process(request)


def test_a_processor_may_turn_a_name_of_the_list_into_one_that_is_not_on_it(router, parse):
    request = parse(model="smart", context=RequestContext(models=("smart",))).with_model("up/m")
    assert router.targets(request)[0].model == "m"


class Counting(Processor):
    """Stands for a processor that costs something."""

    count = 0

    def process(self, request):
        Counting.count += 1
        return request


def test_a_route_refuses_before_its_own_processors_run(make_app, ask):
    app = make_app(
        {
            "processor": {"counting": {"type": f"{__name__}:Counting"}},
            "route": [{"path_prefix": "/", "processors": ["counting"]}],
            "client": {"ci": {"token_env": "CI_KEY", "models": ["echo"]}},
        },
        {"CI_KEY": "ci-key"},
    )
    response = ask(app.test_client(), headers={"Authorization": "Bearer ci-key"}, model="up/m")
    assert (response.status_code, Counting.count) == (404, 0)
    assert ask(app.test_client(), headers={"Authorization": "Bearer ci-key"}, model="echo").status_code == 200
    assert Counting.count == 1
