import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.chat import (
    EFFORT_BUDGETS,
    Chat,
    Image,
    Message,
    Other,
    Reasoning,
    Signature,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    foreign,
)

MAKERS = ("anthropic", "google", "openai")


def chat(*messages, **members):
    return Chat("m", messages, **members)


@given(st.text(), st.sampled_from(MAKERS), st.sampled_from(MAKERS))
def test_a_signature_keeps_its_maker_in_anothers_place(value, maker, native):
    signature = Signature(value, maker)
    if maker != native or not value.startswith("llmproxy."):
        assert Signature.uncarried(signature.carried(native), native) == signature


def test_a_signature_in_its_makers_own_place_is_bare():
    assert Signature("xyz", "google").carried("google") == "xyz"


def test_a_data_url_becomes_its_content():
    source = Source.of_url("data:image/png;base64,AAAA")
    assert source == Source("image/png", data="AAAA")
    assert source.to_url() == "data:image/png;base64,AAAA"


@pytest.mark.parametrize("url", ["https://x.example/a.png", "data:text/plain,hello"])
def test_any_other_url_stays_one(url):
    assert Source.of_url(url) == Source(url=url)
    assert Source.of_url(url).to_url() == url


def test_a_file_of_the_providers_has_no_url():
    assert Source(file_id="file-1").to_url() is None


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ('{"a": ', {"INVALID_JSON": '{"a": '}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ("[" * 100_000, {"INVALID_JSON": "[" * 100_000}),
    ],
)
def test_arguments_become_an_object_and_lose_nothing(arguments, value):
    assert ToolCall("1", "f", arguments).input() == value


@pytest.mark.parametrize(
    ("reasoning", "budget", "effort"),
    [
        (Reasoning(), None, None),
        (Reasoning(effort="medium"), 8192, "medium"),
        (Reasoning(budget=5000), 5000, "medium"),
        (Reasoning(budget=10**6), 10**6, "max"),
        (Reasoning(budget=0), 0, "none"),
        (Reasoning(enabled=False), 0, "none"),
        (Reasoning(effort="none"), 0, "none"),
        (Reasoning(enabled=True), None, None),
    ],
)
def test_a_budget_and_an_effort_stand_for_each_other(reasoning, budget, effort):
    assert (reasoning.as_budget(), reasoning.as_effort()) == (budget, effort)


@pytest.mark.parametrize("effort", EFFORT_BUDGETS)
def test_the_budget_of_an_effort_leads_back_to_it(effort):
    assert Reasoning(budget=Reasoning(effort=effort).as_budget()).as_effort() == effort


def test_the_system_prompt_is_all_system_messages_in_order():
    messages = (Message("system", (Text("a"),)), Message("user", (Text("b"),)), Message("developer", (Text("c"),)))
    assert chat(*messages).system() == "a\n\nc"


def test_the_last_text_is_the_users():
    messages = (Message("user", (Text("a"), Text("b"))), Message("assistant", (Text("c"),)))
    assert chat(*messages).last_text() == "ab"
    assert chat(Message("user", (ToolResult("1"),))).last_text() == ""


def test_tools_are_known_by_the_ids_of_their_calls():
    assert chat(Message("assistant", (ToolCall("1", "f"), ToolCall(None, "g")))).tool_names() == {"1": "f"}


def test_what_only_another_dialect_knows_is_named_at_every_depth():
    asked = chat(
        Message("user", (Text("a", extra={"a": {"deep": 1}}), Image(Source(url="u"), extra={"b": {"own": 1}}))),
        Message("assistant", (ToolResult("1", (Other("a", {"type": "odd"}),)),)),
        tools=(Tool("f", extra={"a": {"tool": 1}}), Other("b", {"type": "mine"})),
        extra={"a": {"top": 1}},
    )
    assert list(foreign(asked, "b")) == ["deep", "odd", "tool", "top"]


def test_what_the_model_has_a_word_for_is_not_another_dialects_alone():
    asked = chat(top_k=5, extra={"a": {"top_k": 5, "system": "x"}})
    assert list(foreign(asked, "b")) == ["system"]


def test_a_tool_is_forced_only_where_it_must_be_called_and_is_the_only_one():
    assert ToolChoice("required", ("f",)).forced == "f"
    assert [choice.forced for choice in (ToolChoice("required"), ToolChoice("auto", ("f",)))] == [None, None]
    assert ToolChoice("required", ("f", "g")).forced is None
