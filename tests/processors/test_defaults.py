import pytest

from llmproxy.processors.defaults import DefaultsProcessor


@pytest.mark.parametrize(
    ("asked", "sent"),
    [({}, 0.2), ({"temperature": None}, 0.2), ({"temperature": 0}, 0), ({"temperature": 1.5}, 1.5)],
)
def test_a_default_stands_where_the_client_wrote_nothing(parse, asked, sent):
    assert DefaultsProcessor({"temperature": 0.2}).process(parse(**asked)).body["temperature"] == sent


def test_the_clients_own_members_stay(parse):
    body = DefaultsProcessor({"seed": 1}).process(parse(top_p=0.5)).body
    assert (body["seed"], body["top_p"], body["model"]) == (1, 0.5, "m")


def test_a_request_that_wants_nothing_is_left_as_it_is(parse):
    request = parse(seed=5)
    assert DefaultsProcessor({"seed": 1}).process(request) is request


@pytest.mark.parametrize("options", [{}, {"params": 5}, {"param": {"a": 1}}])
def test_options_that_are_wrong_are_refused(make_app, options):
    with pytest.raises(Exception, match="params"):
        make_app({"processor": {"be": {"type": "defaults", **options}}})
