import pytest

from llmproxy.processors.system_prompt import SystemPromptProcessor

OWN = {"role": "system", "content": "own"}
DEVELOPER = {"role": "developer", "content": "dev"}
USER = {"role": "user", "content": "hello"}
OURS = {"role": "system", "content": "ours"}


@pytest.mark.parametrize(
    ("position", "before", "after"),
    [
        ("before", [USER], [OURS, USER]),
        ("after", [USER], [OURS, USER]),
        ("replace", [USER], [OURS, USER]),
        ("before", [OWN, DEVELOPER, USER], [OURS, OWN, DEVELOPER, USER]),
        ("after", [OWN, DEVELOPER, USER], [OWN, DEVELOPER, OURS, USER]),
        ("replace", [OWN, DEVELOPER, USER], [OURS, USER]),
        ("replace", [USER, OWN, USER], [OURS, USER, USER]),
    ],
)
def test_a_prompt_is_put_where_it_should_be(parse, position, before, after):
    request = SystemPromptProcessor("ours", position).process(parse(messages=before))
    assert request.messages == after


@pytest.mark.parametrize(
    ("position", "after"), [("before", "ours\n\nown"), ("after", "own\n\nours"), ("replace", "ours")]
)
def test_a_response_has_its_prompt_in_its_instructions(parse, position, after):
    request = parse("openai.responses", model="m", input="x", instructions="own")
    assert SystemPromptProcessor("ours", position).process(request).body["instructions"] == after


def test_a_bare_prompt_begins_with_it(parse):
    request = parse("openai.completions", model="m", prompt=["a", "b"])
    assert SystemPromptProcessor("ours").process(request).body["prompt"] == ["ours\n\na", "ours\n\nb"]


def test_a_text_is_used_as_it_is_typed(parse):
    request = SystemPromptProcessor("{{7*7}} {model} $HOME").process(parse())
    assert request.messages[0]["content"] == "{{7*7}} {model} $HOME"


@pytest.mark.parametrize("options", [{}, {"text": ""}, {"text": "x", "position": "middle"}, {"text": 5}])
def test_options_that_are_wrong_are_refused(make_app, options):
    with pytest.raises(Exception, match=r"text|position"):
        make_app({"processor": {"prompt": {"type": "system_prompt", **options}}})
