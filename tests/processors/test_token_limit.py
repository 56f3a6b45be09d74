import pytest

from llmproxy import TokenLimitExceeded, TokenLimitProcessor


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"max_tokens": 100}),
        ({"max_tokens": None}, {"max_tokens": 100}),
        ({"max_tokens": 500}, {"max_tokens": 100}),
        ({"max_tokens": 100}, {"max_tokens": 100}),
        ({"max_tokens": 20}, {"max_tokens": 20}),
        ({"max_completion_tokens": 500}, {"max_completion_tokens": 100}),
        ({"max_completion_tokens": 20}, {"max_completion_tokens": 20}),
    ],
)
def test_an_output_limit_is_lowered_or_set(parse, asked, sent):
    body = TokenLimitProcessor(100).process(parse(**asked)).body
    assert {name: value for name, value in body.items() if name.startswith("max_")} == sent


@pytest.mark.parametrize(
    ("dialect", "body", "member"),
    [
        ("openai.completions", {"model": "m", "prompt": "x"}, "max_tokens"),
        ("openai.responses", {"model": "m", "input": "x"}, "max_output_tokens"),
    ],
)
def test_each_dialect_has_its_own_limit(parse, dialect, body, member):
    assert TokenLimitProcessor(100).process(parse(dialect, **body)).body[member] == 100


def test_embeddings_have_no_output_to_limit(parse):
    request = parse("openai.embeddings", model="m", input="x")
    assert TokenLimitProcessor(100).process(request).body == request.body


def test_a_request_within_the_limit_is_left_as_it_is(parse):
    request = parse(max_tokens=5)
    assert TokenLimitProcessor(100).process(request) is request


def test_a_prompt_up_to_the_limit_passes(parse):
    request = parse(messages=[{"role": "user", "content": "x" * 40}])
    assert TokenLimitProcessor(max_input_tokens=10).process(request) is request


def test_a_longer_prompt_is_refused_with_both_numbers(parse):
    request = parse(messages=[{"role": "system", "content": "x" * 20}, {"role": "user", "content": "y" * 21}])
    with pytest.raises(TokenLimitExceeded, match=r"about 11 tokens; 10 are allowed") as caught:
        TokenLimitProcessor(max_input_tokens=10).process(request)
    assert (caught.value.status, caught.value.code) == (400, "token_limit_exceeded")


def test_a_prompt_is_measured_in_every_part(parse):
    part = {"type": "text", "text": "x" * 100}
    with pytest.raises(TokenLimitExceeded):
        TokenLimitProcessor(max_input_tokens=30).process(parse(messages=[{"role": "user", "content": [part, part]}]))


def test_without_limits_everything_passes(parse):
    request = parse(messages=[{"role": "user", "content": "x" * 10_000}], max_tokens=10_000)
    assert TokenLimitProcessor().process(request) is request


@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"max_tokens": "5"}, {"max_input_tokens": 1.5}, {"max": 5}])
def test_options_that_are_wrong_are_refused(make_app, options):
    with pytest.raises(Exception, match=next(iter(options))):
        make_app({"processor": {"cap": {"type": "token_limit", **options}}})
