import pytest

from llmproxy.core.answer import Usage
from llmproxy.core.chat import Image, Other, Signature, Source, Text, Thinking, ToolCall
from llmproxy.dialects.bedrock_converse.answer import read_answer

NAME = "bedrock.converse"


def body(*blocks, reason="end_turn", **members):
    message = {"role": "assistant", "content": list(blocks)}
    usage = {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12}
    return {"output": {"message": message}, "stopReason": reason, "usage": usage, **members}


def parts(*blocks):
    return read_answer(body(*blocks)).parts


def test_a_text_is_read():
    assert parts({"text": "hi"}) == (Text("hi"),)


def test_a_call_is_read_with_its_input_as_json():
    block = {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}, "type": "tool_use"}}
    assert parts(block) == (ToolCall("t1", "add", '{"a":1}'),)


def test_a_call_without_arguments_has_an_empty_object():
    assert parts({"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}})[0].arguments == "{}"


def test_a_call_of_a_tool_that_the_model_runs_itself_is_no_call_of_the_clients():
    use = {"toolUse": {"toolUseId": "t1", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "[HIDDEN]"}], "type": "nova_grounding_result"}}
    assert parts(use, result) == (Other(NAME, use), Other(NAME, result))


def test_a_thought_keeps_its_signature():
    block = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
    assert parts(block) == (Thinking("hm", Signature("c2ln", "anthropic")),)


def test_a_thought_of_another_model_has_none():
    assert parts({"reasoningContent": {"reasoningText": {"text": "hm"}}}) == (Thinking("hm"),)


def test_an_encrypted_thought_is_taken_out_of_bedrocks_base64():
    block = {"reasoningContent": {"redactedContent": "RXU4RUNrZ0k="}}
    assert parts(block) == (Thinking(redacted=Signature("Eu8ECkgI", "anthropic")),)


def test_a_picture_is_read():
    assert parts({"image": {"format": "png", "source": {"bytes": "AAAA"}}}) == (
        Image(Source("image/png", data="AAAA")),
    )


def test_a_text_with_what_it_cites_is_a_text():
    cited = {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "t"}]}
    assert parts({"citationsContent": cited}) == (Text("ab", extra={NAME: {"citations": [{"title": "t"}]}}),)


def test_citations_without_a_text_stay_as_they_are():
    block = {"citationsContent": {"citations": [{"title": "t"}]}}
    assert parts(block) == (Other(NAME, block),)


@pytest.mark.parametrize(
    ("said", "reason", "own"),
    [
        ("end_turn", "stop", None),
        ("tool_use", "tool_calls", None),
        ("max_tokens", "length", None),
        ("stop_sequence", "stop", "stop_sequence"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("guardrail_intervened", "content_filter", "guardrail_intervened"),
        ("content_filtered", "content_filter", "content_filtered"),
        ("malformed_model_output", "error", "malformed_model_output"),
        ("malformed_tool_use", "error", "malformed_tool_use"),
        ("something_new", "stop", "something_new"),
    ],
)
def test_the_reason_is_read_and_bedrocks_own_word_is_kept(said, reason, own):
    choice = read_answer(body(reason=said)).choices[0]
    assert (choice.reason, choice.extra.get(NAME, {}).get("stopReason")) == (reason, own)


@pytest.mark.parametrize("fields", [{"stop_sequence": "END"}, {"delta": {"stop_sequence": "END"}}])
def test_the_text_that_ended_it_is_where_claude_says_it(fields):
    answer = read_answer(body(reason="stop_sequence", additionalModelResponseFields=fields))
    assert answer.choices[0].stop_sequence == "END"


def test_the_input_is_counted_with_what_was_cached():
    usage = {"inputTokens": 3, "outputTokens": 4, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 100}
    assert read_answer(body(usage={**usage, "totalTokens": 127})).usage == Usage(123, 4, 20, cache_written=100)


def test_figures_that_have_no_word_are_kept():
    usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7, "serverToolUsage": {}}
    assert read_answer(body(usage=usage)).usage.extra == {NAME: {"serverToolUsage": {}}}


@pytest.mark.parametrize("usage", [None, {}, "x", {"inputTokens": "3"}, {"inputTokens": -1, "outputTokens": None}])
def test_usage_that_cannot_be_believed_is_none(usage):
    assert read_answer(body(usage=usage)).usage == Usage()


def test_what_else_is_said_is_kept():
    answer = read_answer(body({"text": "hi"}, metrics={"latencyMs": 4}, serviceTier={"type": "flex"}))
    assert answer.extra == {NAME: {"metrics": {"latencyMs": 4}, "serviceTier": {"type": "flex"}}}
