import pytest

from dialects.openai_responses.asking import CLIENT, ask
from llmproxy.core.answer import Answer, Aside, Choice, Usage
from llmproxy.core.chat import (
    Audio,
    Image,
    Other,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
)
from llmproxy.dialects.openai_responses import OpenAIResponsesProvider

responses = pytest.importorskip("openai.types.responses", reason="the openai SDK comes with the dev extra")

HOSTED = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
TOKEN = TokenLogprob("a", -0.1, (97,), (TokenLogprob("a", -0.1, (97,)),))


def text(said, **members):
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": said, **members}


def message(*content, **members):
    members = {"id": "msg_1", "status": "completed", **members}
    return {"type": "message", "role": "assistant", "content": list(content), **members}


def response(*output, **members):
    return {"id": "resp_1", "object": "response", "status": "completed", "output": list(output), **members}


def read(*output, **members):
    return OpenAIResponsesProvider().read_answer(response(*output, **members))


def write(*parts, reason="stop", usage=None, **members):
    return CLIENT.write_answer(Answer.of(*parts, reason=reason, usage=usage), ask(**members))


def output(*parts):
    return write(*parts)["output"]


def there_and_back(*items, **members):
    return CLIENT.write_answer(read(*items, **members), ask())


def test_a_whole_answer_is_one_of_openais():
    usage = Usage(3, 2, 1, 1)
    body = write(Thinking("hm"), "hel", "lo", ToolCall("call_1", "f", "{}"), usage=usage, instructions="be kind")
    answer = responses.Response.model_validate(body)
    assert (answer.output_text, answer.status, answer.usage.total_tokens) == ("hello", "completed", 5)
    assert (answer.instructions, answer.usage.input_tokens_details.cached_tokens) == ("be kind", 1)
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_short_is_incomplete_and_so_is_its_last_item(reason, why):
    body = write("a", ToolCall("c", "f"), reason=reason)
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": why})
    assert [item["status"] for item in body["output"]] == ["completed", "incomplete"]
    assert OpenAIResponsesProvider().read_answer(body).reason == reason


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "error"])
def test_any_other_reason_is_a_completed_response(reason):
    body = write("a", reason=reason)
    assert (body["status"], body["incomplete_details"]) == ("completed", None)


def test_a_call_is_the_reason_though_this_dialect_does_not_say_so():
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    assert (read(call).reason, read(message(text("a"))).reason) == ("tool_calls", "stop")


def test_the_result_of_a_call_will_refer_to_its_call_id():
    (item,) = output(ToolCall("call_1", "f", '{"a":1}'))
    assert (item["id"], item["call_id"], item["arguments"]) == ("fc_req_0", "call_1", '{"a":1}')
    assert output(ToolCall(None, "f"))[0]["call_id"] == "call_req_0"


def test_texts_in_a_row_are_parts_of_one_message():
    (item,) = output("a", Refusal("no"))
    assert item["content"] == [text("a"), {"type": "refusal", "refusal": "no"}]


def test_each_message_of_openais_stays_one():
    items = [message(text("a")), message(text("b"), id="msg_2", phase="final_answer")]
    assert there_and_back(*items)["output"] == items


@pytest.mark.parametrize(
    "item",
    [
        HOSTED,
        message(text("a", annotations=[{"type": "url_citation", "url": "https://x.example"}])),
        message(text("a", logprobs=[{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}])),
        message(status="incomplete"),
        message({"type": "output_of_next_week"}, text("a")),
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [], "encrypted_content": "x"},
        {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{", "status": "completed"},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA", "size": "1x1"},
        {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None},
    ],
)
def test_an_item_comes_out_as_it_went_in(item):
    assert there_and_back(item)["output"] == [item]


def test_a_hosted_item_is_nothing_to_others():
    assert read(HOSTED).parts == (Other("openai.responses", HOSTED),)
    assert output(Other("anthropic.messages", {"type": "server_tool_use"}), "a")[0]["type"] == "message"


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm", Signature("sig", "anthropic")),
        Thinking("hm", Signature("sig", "openai")),
        Thinking(signature=Signature("sig", "google")),
        Thinking(redacted=Signature("sig", "anthropic")),
        Thinking(redacted=Signature("sig", "openai")),
    ],
)
def test_a_thought_brings_back_what_its_maker_wants(thought):
    body = write(thought, "a")
    back = ask(body["output"]).to_chat().messages[0].parts[0]
    assert (back.text, back.signature, back.redacted) == (thought.text, thought.signature, thought.redacted)


def test_a_thought_of_anothers_is_a_summary():
    (item,) = output(Thinking("hm", Signature("sig", "anthropic")))
    assert item["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert item["encrypted_content"] == "llmproxy.anthropic.sig"


def test_a_thought_without_a_signature_has_nothing_encrypted():
    assert "encrypted_content" not in output(Thinking("hm"))[0]


def test_the_signature_of_a_call_stands_in_an_empty_thought_before_it():
    reasoning, call = output(ToolCall("call_1", "f", signature=Signature("sig", "google")))
    assert (reasoning["summary"], reasoning["encrypted_content"], call["type"]) == (
        [],
        "llmproxy.google.sig",
        "function_call",
    )


def test_that_thought_stands_alone_also_behind_thoughts_that_can_be_read():
    thoughts, signature, _ = output(Thinking("hm"), Text("hi", signature=Signature("sig", "google")))
    assert "encrypted_content" not in thoughts
    assert (signature["summary"], signature["encrypted_content"]) == ([], "llmproxy.google.sig")


def test_a_picture_that_a_model_drew_is_a_generated_one():
    (item,) = output(Image(Source("image/png", "AAAA")))
    assert (item["type"], item["result"]) == ("image_generation_call", "AAAA")


def test_of_sound_there_is_what_was_said():
    assert output(Audio(Source("audio/wav", "AAAA"), "hello"))[0]["content"] == [text("hello")]


def test_logprobs_stand_with_their_text():
    (part,) = output(Text("a", logprobs=(TOKEN,)))[0]["content"]
    top = {"token": "a", "logprob": -0.1, "bytes": [97]}
    assert part["logprobs"] == [{**top, "top_logprobs": [top]}]
    assert read(message(part)).parts[0].logprobs == (TOKEN,)


def test_usage_has_names_of_its_own():
    said = {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 12,
    }
    usage = read(usage=said).usage
    assert (usage.input, usage.output, usage.cached, usage.reasoning, usage.cache_written) == (5, 7, 2, 3, 1)
    assert write(usage=Usage(5, 7, 2, 3, 1))["usage"] == said


def test_usage_that_nobody_counted_is_not_called_zero():
    assert write("a")["usage"] is None


def test_a_response_of_openais_keeps_what_it_repeats_of_its_request():
    members = {"model": "m-2026", "created_at": 7, "tools": [], "service_tier": "flex", "completed_at": 9}
    body = there_and_back(message(text("a")), **members)
    assert body.items() >= members.items()
    assert "truncation" not in body


def test_annotations_of_a_stream_stand_with_their_text_in_the_whole():
    (part,) = read(message(text("a"))).parts
    citation = {"type": "url_citation", "url": "https://x.example"}
    said = {"type": "response.output_text.annotation.added", "item_id": "msg_1", "content_index": 0}
    asides = (Aside("openai.responses", {**said, "annotation": citation}), Aside("openai.chat", {"choices": []}))
    body = CLIENT.write_answer(Answer((Choice((part,)),), asides=asides), ask())
    assert body["output"] == [message(text("a", annotations=[citation]))]
