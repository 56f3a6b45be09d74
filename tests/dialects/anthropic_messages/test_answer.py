import json

import pytest

from llmproxy.core.answer import Answer, Choice, End, Usage
from llmproxy.core.chat import Audio, Image, Other, Refusal, Signature, Source, Text, Thinking, ToolCall
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.core.signs import Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.anthropic_messages import AnthropicMessagesClient, AnthropicMessagesProvider

USAGE = {"input_tokens": 3, "output_tokens": 4}


def message(*blocks, **members):
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    end = {"stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE}
    return {**head, "content": list(blocks), **end, **members}


def text(words):
    return {"type": "text", "text": words}


def read(*blocks, **members):
    return AnthropicMessagesProvider().read_answer(message(*blocks, **members))


def write(*parts, **members):
    request = AnthropicMessagesClient().parse(
        b'{"model": "mine", "messages": [{"role": "user", "content": "hi"}]}', RequestContext(id="r.1")
    )
    answer = parts[0] if parts and isinstance(parts[0], Answer) else Answer.of(*parts, **members)
    return AnthropicMessagesClient().write_answer(answer, request)


def again(*blocks, **members):
    return write(read(*blocks, **members))


def test_a_message_says_texts_thoughts_and_calls():
    blocks = (
        {"type": "thinking", "thinking": "hm", "signature": "S"},
        {"type": "redacted_thinking", "data": "R"},
        text("hi"),
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    )
    assert read(*blocks).parts == (
        Thinking("hm", Signature("S", "anthropic")),
        Thinking(redacted=Signature("R", "anthropic")),
        Text("hi"),
        ToolCall("toolu_1", "f", '{"a":1}'),
    )
    assert again(*blocks) == message(*blocks)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("of_next_week", "stop"),
    ],
)
def test_a_reason_is_read_and_comes_back_in_its_own_word(word, reason):
    sequence = "END" if word == "stop_sequence" else None
    assert read(stop_reason=word, stop_sequence=sequence).reason == reason
    assert again(stop_reason=word, stop_sequence=sequence)["stop_reason"] == word


@pytest.mark.parametrize(
    ("reason", "word"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("tool_calls", "tool_use"), ("content_filter", "refusal"),
     ("error", "end_turn")],
)  # fmt: skip
def test_a_reason_of_another_provider_has_a_word_here(reason, word):
    assert write("hi", reason=reason)["stop_reason"] == word


def test_a_stop_sequence_that_was_met_is_named():
    written = write(Answer((Choice((Text("hi"),), "stop", "END"),)))
    assert (written["stop_reason"], written["stop_sequence"]) == ("stop_sequence", "END")


def test_the_content_may_be_empty():
    assert read(stop_reason="refusal").parts == ()
    assert write()["content"] == []


def test_the_input_holds_what_the_cache_saved_to_others_and_does_not_here():
    said = {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 11, "output_tokens": 13}
    usage = read(usage=said).usage
    assert (usage.input, usage.cached, usage.cache_written, usage.output) == (23, 7, 11, 13)
    assert write(usage=Usage(23, 13, cached=7, cache_written=11))["usage"] == said


def test_the_tokens_of_thoughts_are_part_of_the_output():
    said = {**USAGE, "output_tokens_details": {"thinking_tokens": 2}}
    assert (read(usage=said).usage.output, read(usage=said).usage.reasoning) == (4, 2)
    assert write(usage=Usage(3, 4, reasoning=2))["usage"] == said


def test_usage_that_nobody_said_is_nothing():
    assert write()["usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_a_cache_that_saved_more_than_there_was_leaves_nothing():
    assert write(usage=Usage(3, 4, cached=7))["usage"]["input_tokens"] == 0


def test_an_answer_is_named_by_its_request_and_by_the_model_that_was_asked_for():
    written = write("hi")
    assert (written["id"], written["type"], written["role"]) == ("msg_r_1", "message", "assistant")
    assert written["model"] == "mine"


def test_members_that_nobody_knows_come_back():
    members = {"container": {"id": "c"}, "stop_details": {"a": 1}, "context_management": {}, "of_next_week": 1}
    odd = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    assert again(odd, **members) == message(odd, **members)


def test_what_is_said_of_the_end_is_kept_there():
    *_, end = read(container={"id": "c"}).play()
    assert end == End("stop", extra={"anthropic.messages": {"container": {"id": "c"}}})


@pytest.mark.parametrize("maker", ["google", "openai"])
def test_a_signature_of_another_maker_is_carried_through_the_client(maker):
    (block,) = write(Thinking("hm", Signature("S", maker)))["content"]
    assert block == {"type": "thinking", "thinking": "hm", "signature": f"llmproxy.{maker}.S"}


def test_the_signature_of_a_call_stands_in_an_empty_thought_before_it():
    blocks = write("hi", ToolCall("c1", "f", "{}", Signature("S", "google")))["content"]
    assert blocks[1:] == [
        {"type": "thinking", "thinking": "", "signature": "llmproxy.google.S"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
    ]


def test_a_call_without_an_id_gets_one_of_its_own():
    ids = [block["id"] for block in write(ToolCall(None, "f"), ToolCall(None, "f"))["content"]]
    assert ids == ["toolu_r_1_0", "toolu_r_1_1"]


def test_a_refusal_and_what_was_spoken_are_texts():
    spoken = Audio(Source("audio/wav", data="AAAA"), "good morning")
    assert write(Refusal("No."), spoken)["content"] == [text("No."), text("good morning")]


def test_sound_that_nobody_wrote_down_cannot_be_said():
    with pytest.raises(UnsupportedFeature):
        write(Audio(Source("audio/wav", data="AAAA")))


def test_a_picture_is_a_block_as_in_requests():
    (block,) = write(Image(Source("image/png", data="AAAA")))["content"]
    assert block["source"]["data"] == "AAAA"


def test_a_part_that_another_dialect_has_alone_is_left_out():
    assert write(Other("openai.responses", {"type": "web_search_call"}), "hi")["content"] == [text("hi")]


def test_a_block_of_ones_own_that_came_in_pieces_is_put_together():
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    (block,) = write(Other("anthropic.messages", use, '{"query": "x"}'))["content"]
    assert block == {**use, "input": {"query": "x"}}


# What a relay needs to know.


def signs(body):
    return AnthropicMessagesProvider().signs(Event.whole(json.dumps(body).encode()), True)


def test_a_whole_message_is_its_own_end_and_says_what_it_cost():
    found = signs(message(text("hi")))
    assert found == Signs(found.usage, finished=True, terminal=True)
    assert (found.usage.input, found.usage.output) == (3, 4)


def test_an_error_in_the_place_of_a_message_is_one():
    assert signs({"type": "error", "error": {"type": "api_error"}}).error


@pytest.mark.parametrize("body", [[], "hi", {}, {"type": "message"}, {"content": "hi"}])
def test_what_is_no_message_is_no_json_of_this_dialect(body):
    with pytest.raises(ValueError, match=r"."):
        signs(body)
