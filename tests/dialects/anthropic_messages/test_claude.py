import pytest

from llmproxy.dialects.anthropic_messages.claude import model_of


@pytest.mark.parametrize(
    "name",
    ["claude-3-haiku-20240307", "claude-3-7-sonnet-20250219", "claude-sonnet-4-0", "claude-sonnet-4-20250514",
     "claude-opus-4-5-20251101", "claude-haiku-4-5", "claude-2.1", "anthropic.claude-sonnet-4-20250514-v1:0"],
)  # fmt: skip
def test_up_to_4_5_a_model_thinks_by_a_budget(name):
    assert (model_of(name).adaptive, model_of(name).budget) == (False, True)


@pytest.mark.parametrize(
    "name", ["claude-opus-4-6", "claude-sonnet-4-6", "anthropic.claude-opus-4-6-v1", "us.anthropic.claude-sonnet-4-6"]
)
def test_4_6_thinks_either_way(name):
    assert (model_of(name).adaptive, model_of(name).budget) == (True, True)
    assert model_of(name).efforts == ("low", "medium", "high", "max")


@pytest.mark.parametrize(
    "name",
    ["claude-opus-4-7", "anthropic/claude-opus-4.8", "claude-4.7-opus", "claude-sonnet-5", "claude-haiku-5-5",
     "claude-fable-5-1", "claude-mythos-preview"],
)  # fmt: skip
def test_since_4_7_a_model_thinks_as_it_likes_and_keeps_its_own_temperature(name):
    model = model_of(name)
    assert (model.adaptive, model.budget, model.sampling) == (True, False, "none")
    assert "xhigh" in model.efforts


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("claude-3-haiku-20240307", "disabled"),
        ("claude-opus-4-8", "disabled"),
        ("claude-opus-5", "disabled"),
        ("claude-sonnet-5-5", "between_tools"),
        ("claude-opus-5-5", None),
        ("claude-fable-5", None),
        ("claude-mythos-5-1", None),
    ],
)
def test_thinking_is_switched_off_as_the_model_has_it(name, off):
    assert model_of(name).off == off


@pytest.mark.parametrize("name", ["my-alias", "glm-4.6", "qwen3", ""])
def test_a_name_without_a_version_counts_as_an_old_model(name):
    assert model_of(name).budget
    assert model_of(name).sampling == "both"


@pytest.mark.parametrize(
    ("name", "sampling"),
    [
        ("claude-opus-4-0", "both"),
        ("claude-opus-4-1", "one"),
        ("claude-sonnet-4-5", "one"),
        ("claude-opus-4-7", "none"),
    ],
)
def test_temperature_and_top_p_go_together_in_old_models_only(name, sampling):
    assert model_of(name).sampling == sampling
