import pytest

from llmproxy import ParseError
from llmproxy.processors.answer_form import AnswerFormProcessor


@pytest.mark.parametrize("stream", [True, False])
def test_a_form_that_is_allowed_passes(parse, stream):
    request = parse(stream=stream)
    assert AnswerFormProcessor(stream, not stream).process(request) is request


@pytest.mark.parametrize(("stream", "message"), [(True, "does not stream"), (False, "only streams")])
def test_the_other_form_is_refused(parse, stream, message):
    with pytest.raises(ParseError, match=message) as caught:
        AnswerFormProcessor(not stream, stream).process(parse(stream=stream))
    assert caught.value.code == "streaming_not_allowed"
