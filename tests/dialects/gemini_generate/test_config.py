import pytest

from llmproxy.core.chat import Chat, Reasoning, ResponseFormat
from llmproxy.dialects.gemini_generate.config import is_third_generation, read_config, read_rest, write_config

SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}
NAME = "gemini.generate"


def write(model="gemini-2.5-flash", **members):
    return write_config(Chat(model, (), **members))


def thinking(model="gemini-2.5-flash", **members):
    return write(model, reasoning=Reasoning(**members)).get("thinkingConfig")


def test_settings_are_read_and_written_by_google_s_names():
    config = {
        "temperature": 0.5, "topP": 0.9, "topK": 3, "maxOutputTokens": 7, "stopSequences": ["END"], "seed": 1,
        "candidateCount": 2, "presencePenalty": 0.1, "frequencyPenalty": 0.2, "responseLogprobs": True, "logprobs": 4,
    }  # fmt: skip
    members = read_config(config)
    assert (members["n"], members["logprobs"], members["top_logprobs"], members["stop"]) == (2, True, 4, ("END",))
    assert write(**members) == config


def test_text_alone_is_what_models_answer_with_anyway():
    assert read_rest({"responseModalities": ["TEXT"], "topK": 1}) == {}
    assert read_rest({"responseModalities": ["TEXT", "IMAGE"]}) == {"responseModalities": ["TEXT", "IMAGE"]}


@pytest.mark.parametrize(
    ("format", "config"),
    [
        (ResponseFormat("json"), {"responseMimeType": "application/json"}),
        (ResponseFormat("schema", SCHEMA), {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}),
        (ResponseFormat("text"), {"responseMimeType": "text/plain"}),
        (
            ResponseFormat("schema", {"type": "object"}, extra={NAME: {"responseSchema": {"type": "OBJECT"}}}),
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
        ),
        (
            ResponseFormat("text", extra={NAME: {"responseMimeType": "text/x.enum", "responseSchema": {"enum": []}}}),
            {"responseMimeType": "text/x.enum", "responseSchema": {"enum": []}},
        ),
    ],
)
def test_the_form_of_an_answer_is_read_and_written(format, config):
    assert write(response_format=format) == config
    assert read_config(config)["response_format"] == format


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 500, "includeThoughts": True}, Reasoning(budget=500, visible=True)),
        ({"thinkingBudget": 0}, Reasoning(budget=0)),
        ({"thinkingBudget": -1}, Reasoning(extra={NAME: {"thinkingBudget": -1}})),
        ({"thinkingLevel": "LOW"}, Reasoning(effort="low")),
        ({"thinkingLevel": "high"}, Reasoning(effort="high", extra={NAME: {"thinkingLevel": "high"}})),
    ],
)
def test_thinking_is_read_and_written(config, reasoning):
    assert read_config({"thinkingConfig": config})["reasoning"] == reasoning
    model = "gemini-3-flash-preview" if "thinkingLevel" in config else "gemini-2.5-flash"
    assert write(model, reasoning=reasoning)["thinkingConfig"] == config


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-flash-preview", "medium", {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-flash-preview", "xhigh", {"thinkingLevel": "HIGH"}),
        ("gemini-3-pro-preview", "minimal", {"thinkingLevel": "LOW"}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 2048}),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24576}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-pro", "max", {"thinkingBudget": 32768}),
    ],
)
def test_an_effort_is_a_level_or_a_budget_and_never_what_the_model_refuses(model, effort, config):
    assert thinking(model, effort=effort) == config


def test_a_budget_stays_one_and_thinking_without_either_is_left_to_the_model():
    assert thinking("gemini-3-pro-preview", budget=5000) == {"thinkingBudget": 5000}
    assert thinking(enabled=True) == {"thinkingBudget": -1}
    assert thinking(visible=True) == {"includeThoughts": True}


@pytest.mark.parametrize(
    ("model", "third"),
    [
        ("gemini-3-pro-preview", True),
        ("gemini-3.5-flash", True),
        ("gemini-flash-latest", True),
        ("gemini-2.5-flash", False),
        ("gemini-2.0-flash-lite", False),
        ("gemma-3-27b-it", False),
    ],
)
def test_generations_are_told_by_the_models_name(model, third):
    assert is_third_generation(model) is third
