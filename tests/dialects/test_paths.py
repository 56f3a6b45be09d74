import pytest

from llmproxy.dialects.paths import pattern_of, templates_of

GENERATE = "/v1beta/models/<path:model>:<any(generateContent, streamGenerateContent):method>"


@pytest.mark.parametrize(
    ("rule", "path", "said"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", {}),
        ("/v1/<name>/x", "/v1/a b/x", {"name": "a b"}),
        (GENERATE, "/v1beta/models/m:generateContent", {"model": "m", "method": "generateContent"}),
        (GENERATE, "/v1beta/models/a/b:c:streamGenerateContent", {"model": "a/b:c", "method": "streamGenerateContent"}),
    ],
)
def test_a_path_says_what_stands_for_placeholders(rule, path, said):
    assert pattern_of(rule).match(path).groupdict() == said


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/v1/chat/completions", "/v1/chat/completions/x"),
        ("/v1.x", "/v1yx"),
        ("/v1/<name>/x", "/v1/a/b/x"),
        (GENERATE, "/v1beta/models/:generateContent"),
        (GENERATE, "/v1beta/models//m:generateContent"),
        (GENERATE, "/v1beta/models/m:countTokens"),
        (GENERATE, "/x/v1beta/models/m:generateContent"),
    ],
)
def test_a_path_that_differs_is_another(rule, path):
    assert pattern_of(rule).match(path) is None


def test_a_path_may_end_in_another():
    found = pattern_of(GENERATE).search("/team/v1beta/models/m:generateContent")
    assert (found.start(), found["model"]) == (5, "m")
    assert pattern_of(GENERATE).search("/v1beta/models/m:generateContent/team") is None


@pytest.mark.parametrize(
    ("rule", "templates"),
    [
        ("/v1/models", [("/v1/models", {})]),
        ("/v1/<path:model>/x", [("/v1/{model}/x", {})]),
        (
            GENERATE,
            [
                ("/v1beta/models/{model}:generateContent", {"method": "generateContent"}),
                ("/v1beta/models/{model}:streamGenerateContent", {"method": "streamGenerateContent"}),
            ],
        ),
    ],
)
def test_a_rule_stands_for_a_template_for_each_word_that_it_allows(rule, templates):
    assert templates_of(rule) == templates
