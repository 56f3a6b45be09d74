import pytest

from llmproxy.core.context import RequestContext
from llmproxy.processors.logger import FIELDS, LoggerProcessor


def test_a_line_says_what_is_asked_for_without_a_word_of_it(parse, logged):
    request = parse(messages=[{"role": "user", "content": "canary" * 2}], max_tokens=9)
    assert LoggerProcessor().process(request) is request
    assert logged.text == "request dialect=openai.chat model=m messages=1 tokens=3 max_tokens=9 stream=False"


def test_a_line_says_what_the_configuration_wants(parse, logged):
    context = RequestContext(client="ci", route="/a")
    LoggerProcessor(["client", "route", "model"]).process(parse(context=context))
    assert logged.text == "request client=ci route=/a model=m"


def test_a_line_belongs_to_its_request(parse, logged):
    LoggerProcessor().process(parse(context=RequestContext(id="req-1")))
    assert logged.records[0].request_id == "req-1"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_each_field_can_be_logged_in_each_dialect(parse, logged, name):
    for dialect, body in [
        ("openai.chat", {}),
        ("openai.completions", {"model": "m", "prompt": "x"}),
        ("openai.responses", {"model": "m", "input": "x"}),
        ("openai.embeddings", {"model": "m", "input": ["x"]}),
    ]:
        LoggerProcessor([name]).process(parse(dialect, **body))
    assert len(logged.records) == 4


def test_a_name_of_a_model_cannot_forge_a_line(parse, logged):
    LoggerProcessor(["model"]).process(parse(model="x\nrequest forged"))
    assert len(logged.text.splitlines()) == 1


def test_a_field_that_is_none_is_refused(make_app):
    with pytest.raises(Exception, match="fields"):
        make_app({"processor": {"log": {"type": "logger", "fields": ["prompt"]}}})


def test_fields_are_written_under_their_own_name(make_app, ask, logged):
    processor = {"log": {"type": "logger", "fields": ["model"]}}
    app = make_app({"processor": processor, "route": [{"path_prefix": "/", "processors": ["log"]}]})
    ask(app.test_client(), model="echo")
    assert logged.records[0].getMessage() == "request model=echo"
