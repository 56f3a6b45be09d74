import pytest

from llmproxy.core.answer import Usage
from llmproxy.core.chat import Refusal, Text, ToolCall
from llmproxy.dialects.openai_chat import OpenAIChatProvider

NAME = "openai.chat"


def read(message=None, reason="stop", **members):
    choice = {"index": 0, "message": {"role": "assistant", **(message or {})}, "finish_reason": reason}
    return OpenAIChatProvider().read_answer({"id": "c1", "model": "m", "choices": [choice], **members})


def usage(prompt, completion, total=None, **details):
    said = {"prompt_tokens": prompt, "completion_tokens": completion, **details}
    return read(usage={**said, "total_tokens": prompt + completion if total is None else total}).usage


def test_a_refusal_comes_beside_a_content_of_null_and_the_reason_is_stop():
    answer = read({"content": None, "refusal": "no"})
    assert (answer.parts, answer.reason) == ((Refusal("no"),), "stop")


def test_arguments_that_are_no_json_are_left_as_the_model_wrote_them():
    function = {"name": "f", "arguments": '{"a": 1,'}
    (call,) = read({"content": None, "tool_calls": [{"id": "1", "function": function}]}, "tool_calls").tool_calls
    assert call.arguments == '{"a": 1,'


def test_a_call_may_come_without_an_id():
    calls = read({"content": None, "tool_calls": [{"function": {"name": "f"}}]}, "tool_calls").tool_calls
    assert calls == (ToolCall(None, "f", ""),)


def test_a_content_may_be_a_list():
    assert read({"content": [{"type": "text", "text": "a"}]}).parts == (Text("a"),)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("length", "length"),
        ("model_length", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("error", "error"),
        ("eos", "stop"),
        (None, "stop"),
    ],
)
def test_a_reason_that_is_none_of_ours_is_a_stop(said, reason):
    assert read({"content": "a"}, said).reason == reason


def test_choices_are_in_the_order_of_their_indices():
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in (1, 0)]
    answer = OpenAIChatProvider().read_answer({"choices": choices})
    assert [choice.text for choice in answer.choices] == ["0", "1"]


def test_the_prompt_includes_what_was_cached():
    said = usage(10, 5, prompt_tokens_details={"cached_tokens": 4})
    assert (said.input, said.cached) == (10, 4)


def test_xai_counts_reasoning_beside_the_completion():
    said = usage(10, 5, 18, completion_tokens_details={"reasoning_tokens": 3})
    assert (said.output, said.reasoning, said.total) == (8, 3, 18)
    assert said.extra[NAME]["completion_tokens"] == 5


def test_elsewhere_reasoning_is_part_of_the_completion():
    said = usage(10, 5, completion_tokens_details={"reasoning_tokens": 3})
    assert (said.output, said.reasoning) == (5, 3)


def test_reasoning_may_exceed_the_completion_at_openrouter():
    said = usage(10, 5, completion_tokens_details={"reasoning_tokens": 7})
    assert (said.output, said.reasoning, said.total) == (5, 7, 15)


def test_deepseeks_own_word_for_what_was_cached_is_kept():
    said = usage(10, 5, prompt_cache_hit_tokens=4)
    assert said == Usage(10, 5, extra={NAME: {"prompt_cache_hit_tokens": 4}})
