"""What a configuration's defaults become in each dialect: they are written in the words of OpenAI's chat."""

import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.dialects import CLIENT_DIALECTS
from llmproxy.dialects.defaults import as_list, lay_under

CHAT = {"model": "claude-opus-4-6", "messages": [{"role": "user", "content": "hi"}]}
BODIES = {
    "anthropic.messages": CHAT,
    "gemini.generate": {"contents": [{"parts": [{"text": "hi"}]}]},
    "ollama.chat": CHAT,
    "openai.chat": CHAT,
    "openai.completions": {"model": "m", "prompt": "hi"},
    "openai.embeddings": {"model": "m", "input": "hi"},
    "openai.responses": {"model": "m", "input": "hi"},
}
COUNTS = {"anthropic.count_tokens": CHAT, "gemini.count_tokens": BODIES["gemini.generate"]}

PARAMS = {
    "temperature": 0.2, "max_tokens": 100, "stop": "END", "top_p": 0.9, "top_k": 4, "seed": 7, "logit_bias": {"5": 1},
    "reasoning_effort": "low", "verbosity": "low", "user": "me", "n": 2, "presence_penalty": 0.5,
}  # fmt: skip
PLACED = {
    "anthropic.messages": {
        "temperature": 0.2, "max_tokens": 100, "stop_sequences": ["END"], "top_k": 4,
        "output_config": {"effort": "low"}, "metadata": {"user_id": "me"},
    },
    "gemini.generate": {
        "generationConfig": {
            "temperature": 0.2, "maxOutputTokens": 100, "stopSequences": ["END"], "topP": 0.9, "topK": 4, "seed": 7,
            "thinkingConfig": {"thinkingBudget": 2048}, "candidateCount": 2, "presencePenalty": 0.5,
        },
    },
    "ollama.chat": {
        "options": {
            "temperature": 0.2, "num_predict": 100, "stop": ["END"], "top_p": 0.9, "top_k": 4, "seed": 7,
            "presence_penalty": 0.5,
        },
        "think": "low",
    },
    "openai.chat": PARAMS,
    "openai.completions": {
        "temperature": 0.2, "max_tokens": 100, "stop": "END", "top_p": 0.9, "top_k": 4, "seed": 7,
        "logit_bias": {"5": 1}, "user": "me", "n": 2, "presence_penalty": 0.5,
    },
    "openai.embeddings": {"user": "me"},
    "openai.responses": {
        "temperature": 0.2, "max_output_tokens": 100, "top_p": 0.9, "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"}, "user": "me",
    },
}  # fmt: skip
LEFT = {  # beside what a model cannot take
    "anthropic.messages": {"seed", "logit_bias", "verbosity", "n", "presence_penalty"},
    "gemini.generate": {"logit_bias", "verbosity", "user"},
    "ollama.chat": {"logit_bias", "verbosity", "user", "n"},
    "openai.chat": set(),
    "openai.completions": {"reasoning_effort", "verbosity"},
    "openai.embeddings": set(PARAMS) - {"user"},
    "openai.responses": {"stop", "top_k", "seed", "logit_bias", "n", "presence_penalty"},
}


def ask(name, in_path="gemini-2.5-pro", **members):
    context = RequestContext(path={"model": in_path, "method": "generateContent"})
    body = {**BODIES, **COUNTS}[name]
    return CLIENT_DIALECTS.get(name)().parse(json.dumps({**body, **members}).encode(), context)


every_dialect = pytest.mark.parametrize("name", BODIES)


@every_dialect
def test_a_default_goes_where_the_dialect_keeps_it(name):
    assert ask(name).with_defaults(PARAMS).to_dict() == {**BODIES[name], **PLACED[name]}


@every_dialect
def test_a_default_that_the_dialect_has_no_place_for_is_left_to_targets_of_another(name):
    defaults = ask(name).with_defaults(PARAMS).defaults
    assert defaults == {param: PARAMS[param] for param in LEFT[name]}


@every_dialect
def test_what_the_client_has_said_stays(name):
    request = ask(name, **PLACED[name])
    assert request.with_defaults({param: PARAMS[param] for param in PARAMS if param not in LEFT[name]}) is request


@every_dialect
def test_a_limit_may_have_either_name(name):
    limited = ask(name).with_defaults({"max_completion_tokens": 100})
    if name == "openai.chat":
        assert limited.to_dict()["max_completion_tokens"] == 100
    else:
        assert limited.to_dict() == ask(name).with_defaults({"max_tokens": 100}).to_dict()


@every_dialect
def test_an_earlier_default_wins(name):
    first = ask(name).with_defaults(PARAMS)
    second = first.with_defaults({"temperature": 1, "max_tokens": 1, "seed": 1, "verbosity": "high", "user": "you"})
    assert (second.to_dict(), second.defaults) == (first.to_dict(), first.defaults)


@every_dialect
def test_a_name_of_the_dialects_own_goes_in_as_it_is_written(name):
    assert ask(name).with_defaults({"safetySettings": [1]}).to_dict()["safetySettings"] == [1]


@every_dialect
def test_the_request_itself_is_not_changed(name):
    request = ask(name, options={}, generationConfig={})
    before = request.to_dict()
    request.with_defaults(PARAMS)
    assert (request.to_dict(), request.defaults) == (before, {})


@pytest.mark.parametrize("name", COUNTS)
def test_what_is_about_the_answer_does_not_go_into_a_count(name):
    request = ask(name)
    assert request.with_defaults(PARAMS) is request


def test_a_limit_of_the_clients_is_not_joined_by_one_of_the_other_name():
    request = ask("openai.chat", max_completion_tokens=5)
    assert request.with_defaults({"max_tokens": 100}) is request


@pytest.mark.parametrize(
    ("name", "holder", "said", "default", "held"),
    [
        ("ollama.chat", "options", {"seed": 1}, {"seed": 2, "num_ctx": 9}, {"seed": 1, "num_ctx": 9}),
        ("gemini.generate", "generationConfig", {"topK": 1}, {"topK": 2, "topP": 1}, {"topK": 1, "topP": 1}),
        ("openai.responses", "reasoning", {"summary": "auto"}, {"effort": "low"}, {"summary": "auto", "effort": "low"}),
    ],
)
def test_an_object_of_settings_is_filled_in_member_by_member(name, holder, said, default, held):
    assert ask(name, **{holder: said}).with_defaults({holder: default}).body[holder] == held


def test_defaults_follow_the_spelling_of_the_body():
    edited = ask("gemini.generate", generation_config={"max_output_tokens": 9}).with_defaults(PARAMS)
    assert "generationConfig" not in edited.body
    assert "maxOutputTokens" not in edited.body["generation_config"]
    assert edited.body["generation_config"]["topP"] == 0.9


@pytest.mark.parametrize(("said", "name"), [("topP", "topP"), ("responseMimeType", "responseMimeType")])
def test_google_s_own_settings_go_where_google_has_them(said, name):
    assert ask("gemini.generate").with_defaults({said: 1}).body["generationConfig"] == {name: 1}


# An effort is for models that know efforts.


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24576}),
        ("gemini-3-pro-preview", "low", {"thinkingLevel": "LOW"}),
    ],
)
def test_an_effort_becomes_what_the_gemini_model_takes(model, effort, thinking):
    config = ask("gemini.generate", model).with_defaults({"reasoning_effort": effort}).body["generationConfig"]
    assert config == {"thinkingConfig": thinking}


def test_a_client_of_gemini_s_that_says_how_to_think_is_left_alone():
    request = ask("gemini.generate", generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}})
    assert request.with_defaults({"reasoning_effort": "low"}) is request


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("minimal", "low"), ("xhigh", "high")])
def test_an_effort_becomes_one_that_ollama_knows(effort, think):
    assert ask("ollama.chat").with_defaults({"reasoning_effort": effort}).body["think"] == think


@pytest.mark.parametrize(
    ("model", "effort", "output", "left"),
    [
        ("claude-opus-4-6", "minimal", {"effort": "low"}, {}),
        ("claude-opus-4-6", "none", None, {}),
        ("claude-sonnet-4-0", "low", None, {"reasoning_effort": "low"}),
    ],
)
def test_an_effort_goes_to_the_claude_models_that_know_it(model, effort, output, left):
    edited = ask("anthropic.messages", model=model).with_defaults({"reasoning_effort": effort})
    assert (edited.body.get("output_config"), edited.defaults) == (output, left)


# What Anthropic would refuse beside what its client says.

THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


@pytest.mark.parametrize(
    ("model", "said", "params", "taken"),
    [
        ("claude-3-haiku", {}, {"temperature": 0.2, "top_p": 0.9}, {"temperature", "top_p"}),
        ("claude-opus-4-6", {}, {"temperature": 0.2, "top_p": 0.9}, {"temperature"}),
        ("claude-opus-4-6", {"top_p": 0.5}, {"temperature": 0.2}, set()),
        ("claude-opus-4-6", {"temperature": 1}, {"top_p": 1}, set()),
        ("claude-opus-4-8", {}, {"temperature": 0.2, "top_k": 5}, set()),
        ("claude-sonnet-4-0", THINKING, {"temperature": 0.2, "top_k": 5, "top_p": 0.5}, set()),
        ("claude-sonnet-4-0", THINKING, {"top_p": 0.97}, {"top_p"}),
    ],
)
def test_a_default_that_the_claude_model_would_refuse_is_not_given(model, said, params, taken):
    request = ask("anthropic.messages", model=model, **said)
    edited = request.with_defaults(params)
    assert edited.body == {**request.body, **{name: params[name] for name in taken}}


@pytest.mark.parametrize("nonsense", [{"thinking": "much"}, {"tool_choice": 5}])
def test_what_makes_no_sense_is_left_to_anthropic_to_refuse(nonsense):
    edited = ask("anthropic.messages", **nonsense).with_defaults({"temperature": 0.2})
    assert edited.body == {**CHAT, **nonsense, "temperature": 0.2}


# The pieces.


def test_what_has_nothing_to_add_is_the_same_object():
    said = {"a": {"b": 0}, "c": "text"}
    for place in (["a", "b"], ["a"], ["c", "d"]):
        assert lay_under(said, place, 1, lambda said, name: name) is said
    assert lay_under(said, ["d"], None, lambda said, name: name) is said


def test_a_value_goes_into_objects_that_are_not_there_yet():
    assert lay_under({"a": None}, ["a", "b", "c"], 1, lambda said, name: name) == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(("value", "listed"), [("a", ["a"]), (["a", "b"], ["a", "b"]), (None, None)])
def test_a_text_may_stand_for_a_list_of_one(value, listed):
    assert as_list(value) == listed
