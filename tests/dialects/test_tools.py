import re

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.chat import Chat, Message, Text, ToolCall, ToolResult
from llmproxy.core.context import RequestContext
from llmproxy.dialects.openai_chat import OpenAIChatClient
from llmproxy.dialects.tools import fitting_id, made_id, with_ids, with_names


def chat(*turns):
    return Chat("m", tuple(Message(role, parts) for role, parts in turns))


def ids(chat):
    return [part.id if isinstance(part, ToolCall) else part.call_id for part in chat.parts()]


def test_an_id_of_our_own_is_the_same_for_the_same_thing():
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    request = OpenAIChatClient().parse(body, RequestContext(id="req-1.a"))
    assert made_id("call", request, 0, 1) == "call_req-1_a_0_1"


def test_an_id_that_fits_stays():
    assert fitting_id("call_1") == "call_1"
    assert fitting_id("abcDEF123", "[A-Za-z0-9]{9}", 9) == "abcDEF123"


@given(st.text())
def test_any_id_is_made_to_fit_and_always_the_same_way(id):
    assert re.fullmatch("[A-Za-z0-9]{9}", fitting_id(id, "[A-Za-z0-9]{9}", 9))
    assert fitting_id(id) == fitting_id(id)


def test_ids_that_look_alike_stay_apart():
    assert fitting_id("call.1") != fitting_id("call:1")


def test_a_chat_with_ids_stays_as_it_is():
    given = chat(("assistant", (ToolCall("1", "f"),)), ("user", (ToolResult("1"), Text("x"))))
    assert with_ids(given) is given


def test_results_without_ids_belong_to_the_oldest_call_of_their_name():
    calls = (ToolCall(None, "f"), ToolCall(None, "g"), ToolCall(None, "f"))
    results = (ToolResult(None, name="f"), ToolResult(None, name="g"), ToolResult(None, name="f"))
    given = chat(("assistant", calls), ("user", results))
    assert ids(with_ids(given)) == ["call_1", "call_2", "call_3", "call_1", "call_2", "call_3"]


def test_a_result_without_a_name_belongs_to_the_oldest_call():
    given = chat(("assistant", (ToolCall(None, "f"),)), ("user", (ToolResult(None),)))
    assert ids(with_ids(given)) == ["call_1", "call_1"]


def test_a_call_that_was_answered_by_its_id_waits_no_longer():
    calls = (ToolCall("a", "f"), ToolCall(None, "f"))
    given = chat(("assistant", calls), ("user", (ToolResult("a"), ToolResult(None, name="f"))))
    assert ids(with_ids(given)) == ["a", "call_2", "a", "call_2"]


def test_a_result_of_no_call_gets_an_id_all_the_same():
    assert ids(with_ids(chat(("user", (ToolResult(None, name="f"),))))) == ["call_f"]


def test_results_get_the_name_of_their_call():
    given = chat(("assistant", (ToolCall("1", "f"),)), ("user", (ToolResult("1"), ToolResult("2"))))
    assert [part.name for part in with_names(given).parts()] == ["f", "f", "2"]
