import pytest

from llmproxy.core.chat import (
    Chat,
    Message,
    Reasoning,
    Signature,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

OLD, BOTH, NEW = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7"
ALWAYS = "claude-fable-5"
HI = (Message("user", (Text("hi"),)),)
CALL, RESULT = ToolCall("c1", "f", "{}"), Message("user", (ToolResult("c1", (Text("42"),)),))


def written(model, effort=None, messages=HI, **members):
    """The body of a chat that asks for an effort, or for what `reasoning` says, and what it lost."""
    members.setdefault("reasoning", Reasoning(effort=effort))
    return AnthropicMessagesProvider().write_request(Chat(model, messages, **members))


def thinking(*arguments, **members):
    body, _ = written(*arguments, **members)
    return body.get("thinking"), body.get("output_config"), body["max_tokens"]


def read(**members):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}
    return AnthropicMessagesClient().read_request(body).reasoning


# Reading.


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(True, budget=2000)),
        ({"thinking": {"type": "adaptive"}}, Reasoning(True)),
        ({"thinking": {"type": "disabled"}}, Reasoning(False)),
        ({"output_config": {"effort": "low"}}, Reasoning(effort="low")),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Reasoning(True, "max")),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(True, visible=False)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Reasoning(True, visible=True)),
    ],
)
def test_how_much_to_think_is_read(members, reasoning):
    assert read(**members) == reasoning


def test_a_type_of_thinking_that_only_this_dialect_has_is_written_as_it_was():
    said = {"type": "between_tools", "display": "full"}
    body, _ = written(OLD, reasoning=read(thinking=said))
    assert body["thinking"] == said


# Efforts and budgets.


@pytest.mark.parametrize(
    ("effort", "budget"), [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384), ("max", 23808)]
)
def test_an_effort_is_a_budget_to_an_old_model(effort, budget):
    assert thinking(OLD, effort) == ({"type": "enabled", "budget_tokens": budget}, None, budget + 8192)


@pytest.mark.parametrize("model", [BOTH, NEW])
def test_an_effort_is_an_effort_since_4_6(model):
    assert thinking(model, "high") == ({"type": "adaptive"}, {"effort": "high"}, 16384 + 8192)


@pytest.mark.parametrize(
    ("model", "effort", "said"),
    [(BOTH, "minimal", "low"), (BOTH, "xhigh", "max"), (NEW, "xhigh", "xhigh"), (NEW, "of_next_week", "of_next_week")],
)
def test_an_effort_that_the_model_does_not_know_becomes_the_next_that_it_does(model, effort, said):
    assert thinking(model, effort)[1] == {"effort": said}


@pytest.mark.parametrize("model", [OLD, BOTH])
def test_a_budget_is_a_budget_where_one_is_understood(model):
    assert thinking(model, reasoning=Reasoning(budget=3000))[0] == {"type": "enabled", "budget_tokens": 3000}


def test_a_budget_is_an_effort_to_a_model_that_refuses_budgets():
    assert thinking(NEW, reasoning=Reasoning(budget=3000))[:2] == ({"type": "adaptive"}, {"effort": "medium"})


def test_thinking_may_be_asked_for_without_saying_how_much():
    assert thinking(OLD, reasoning=Reasoning(True))[0] == {"type": "enabled", "budget_tokens": 8192}
    assert thinking(NEW, reasoning=Reasoning(True))[:2] == ({"type": "adaptive"}, None)


def test_a_budget_is_never_less_than_1024():
    assert thinking(OLD, reasoning=Reasoning(budget=7))[0]["budget_tokens"] == 1024


@pytest.mark.parametrize(("limit", "budget"), [(20000, 16384), (16384, 8192), (3000, 1500), (1500, 1024), (1025, 1024)])
def test_a_budget_is_less_than_max_tokens_which_is_the_clients_own(limit, budget):
    assert thinking(OLD, "high", max_tokens=limit) == ({"type": "enabled", "budget_tokens": budget}, None, limit)


@pytest.mark.parametrize("limit", [1, 1024])
def test_without_room_for_the_least_budget_there_is_no_thinking(limit):
    body, lost = written(OLD, "high", max_tokens=limit)
    assert ("thinking" in body, body["max_tokens"], lost) == (False, limit, ["reasoning"])


@pytest.mark.parametrize(("visible", "display"), [(True, "summarized"), (False, "omitted")])
@pytest.mark.parametrize("model", [OLD, NEW])
def test_thoughts_are_shown_or_not(model, visible, display):
    assert thinking(model, reasoning=Reasoning(effort="low", visible=visible))[0]["display"] == display


@pytest.mark.parametrize("reasoning", [Reasoning(False), Reasoning(effort="none"), Reasoning(budget=0)])
@pytest.mark.parametrize("model", [OLD, BOTH, NEW])
def test_thinking_can_be_switched_off(model, reasoning):
    assert thinking(model, reasoning=reasoning) == ({"type": "disabled"}, None, 8192)


def test_a_model_that_always_thinks_cannot_be_kept_from_it():
    body, lost = written(ALWAYS, "none")
    assert ("thinking" in body, lost) == (False, ["reasoning"])


# What goes with thinking, and what does not.


@pytest.mark.parametrize("model", [OLD, BOTH, NEW])
def test_with_thinking_there_is_no_temperature_no_top_k_and_no_forced_tool(model):
    choice, tools = ToolChoice("required", ("f",)), (Tool("f"),)
    body, lost = written(model, "low", temperature=0.5, top_k=5, tool_choice=choice, tools=tools)
    assert not {"temperature", "top_k"} & body.keys()
    assert body["tool_choice"] == {"type": "auto"}
    assert lost == ["temperature", "top_k", "tool_choice"]


def test_with_thinking_one_call_at_a_time_can_still_be_asked_for():
    members = {"tool_choice": ToolChoice("required"), "tools": (Tool("f"),), "parallel_tool_calls": False}
    body, _ = written(OLD, "low", **members)
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_the_temperature_that_thinking_has_anyway_may_be_said():
    body, lost = written(OLD, "low", temperature=1.0)
    assert (body["temperature"], lost) == (1.0, [])


@pytest.mark.parametrize(("top_p", "lost"), [(0.96, []), (0.9, ["top_p"])])
def test_with_thinking_top_p_is_at_least_0_95(top_p, lost):
    body, said = written(OLD, "low", top_p=top_p)
    assert ("top_p" not in body, said) == (bool(lost), lost)


@pytest.mark.parametrize("member", [{"temperature": 0.5}, {"top_p": 0.99}, {"top_k": 5}])
def test_models_since_4_7_take_no_sampling_parameters(member):
    body, lost = written(NEW, reasoning=None, **member)
    assert (member.keys() & body.keys(), lost) == (set(), list(member))


def test_with_thinking_even_a_top_k_of_1_is_a_loss():
    assert written(OLD, "low", top_k=1)[1] == ["top_k"]


def test_temperature_and_top_p_together_become_the_temperature():
    body, lost = written("claude-sonnet-4-5", reasoning=None, temperature=0.5, top_p=0.9)
    assert (body["temperature"], "top_p" in body, lost) == (0.5, False, ["top_p"])


def test_a_top_p_that_changes_nothing_is_no_loss():
    body, lost = written("claude-sonnet-4-5", reasoning=None, temperature=0.5, top_p=1)
    assert ("top_p" in body, lost) == (False, [])


def test_a_model_that_always_thinks_cannot_be_forced_to_a_tool():
    members = {"tool_choice": ToolChoice("required"), "tools": (Tool("f"),), "reasoning": None}
    assert written(ALWAYS, **members)[1] == ["tool_choice"]


# Thinking between a call and its result.


@pytest.mark.parametrize("thought", [(), (Thinking("hm"),), (Thinking("hm", Signature("s", "google")),)])
def test_thinking_is_switched_off_where_the_last_call_has_no_signed_thought(thought):
    messages = (*HI, Message("assistant", (*thought, CALL)), RESULT)
    body, lost = written(OLD, "low", messages)
    assert "thinking" not in body
    assert lost == [*["thinking" for _ in thought], "reasoning"]


@pytest.mark.parametrize(
    "thought", [Thinking("hm", Signature("s", "anthropic")), Thinking(redacted=Signature("s", "anthropic"))]
)
def test_thinking_goes_on_after_a_signed_thought(thought):
    messages = (*HI, Message("assistant", (thought, CALL)), RESULT)
    body, lost = written(OLD, "low", messages)
    assert (body["thinking"]["type"], lost) == ("enabled", [])


def test_only_the_last_turn_has_to_have_a_signed_thought():
    messages = (*HI, Message("assistant", (CALL,)), RESULT, Message("assistant", (Text("42"),)), *HI)
    assert written(OLD, "low", messages)[1] == []


def test_a_model_that_thinks_as_it_likes_does_not_mind_a_call_without_a_thought():
    messages = (*HI, Message("assistant", (CALL,)), RESULT)
    body, lost = written(NEW, "low", messages)
    assert (body["thinking"], lost) == ({"type": "adaptive"}, [])
