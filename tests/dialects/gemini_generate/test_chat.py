import json

import pytest

from llmproxy.core.chat import (
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Refusal,
    Signature,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.gemini_generate.chat import NO_SIGNATURE, read_request, write_request

HI = Message("user", (Text("hi"),))
GOOGLE = Signature("c2ln", "google")
CALL = ToolCall("call_1", "f", '{"a":1}')


def read(*contents, **members):
    return read_request({"contents": list(contents), **members})


def model(*parts):
    return {"role": "model", "parts": list(parts)}


def user(*parts):
    return {"role": "user", "parts": list(parts)}


def call(name="f", **members):
    return {"functionCall": {"name": name, "args": {}}, **members}


def write(*messages, model="gemini-2.5-flash", **members):
    body, lost = write_request(Chat(model, messages, **members))
    return body["contents"], lost


def said(*parts):
    return Message("assistant", parts)


# Reading.


def test_the_system_instruction_is_a_system_message_before_all():
    chat = read(user({"text": "hi"}), systemInstruction={"parts": [{"text": "brief"}]})
    assert [(message.role, message.text) for message in chat.messages] == [("system", "brief"), ("user", "hi")]


def test_a_content_without_a_role_is_the_users():
    assert read({"parts": [{"text": "hi"}]}).messages == (HI,)


def test_a_role_that_is_none_is_refused_in_google_s_words():
    with pytest.raises(ParseError, match="Please use a valid role: user, model") as caught:
        read({"role": "assistant", "parts": []})
    assert caught.value.param == "contents.0.role"


def test_a_part_that_cannot_be_read_is_named():
    with pytest.raises(ParseError) as caught:
        read(user({"text": "a"}, {"inlineData": {"mimeType": "image/png"}}))
    assert caught.value.param == "contents.0.parts.1"


def test_a_turn_that_its_client_kept_frame_by_frame_is_one_message():
    frames = [model({"text": text}) for text in ("Hel", "lo")]
    chat = read(user({"text": "hi"}), *frames, model(call("f")), model(call("g")), model({"text": ""}))
    assert len(chat.messages) == 2
    assert [getattr(part, "name", None) or part.text for part in chat.messages[1].parts] == ["Hello", "f", "g"]


def test_thoughts_kept_frame_by_frame_are_one_with_their_signature():
    seal = "bGxtcHJveHkuYW50aHJvcGljLnNpZw=="  # llmproxy.anthropic.sig
    thoughts = [model({"text": text, "thought": True}) for text in ("a", "b")]
    chat = read(*thoughts, model({"text": "", "thought": True, "thoughtSignature": seal}), model({"text": "so"}))
    assert chat.messages == (said(Thinking("ab", Signature("sig", "anthropic")), Text("so")),)


def test_texts_with_signatures_are_never_put_together():
    chat = read(model({"text": "a", "thoughtSignature": "x"}), model({"text": "b"}))
    assert chat.messages == (said(Text("a", signature=Signature("x", "google")), Text("b")),)


def test_what_is_cached_with_google_is_refused_rather_than_lost():
    with pytest.raises(UnsupportedFeature) as caught:
        read(user({"text": "hi"}), cachedContent="cachedContents/x")
    assert caught.value.param == "cachedContent"


def test_members_without_a_word_are_kept_under_their_own_names():
    chat = read(
        user({"text": "hi"}),
        safety_settings=[],
        tool_config={"include_server_side_tool_invocations": True},
        generation_config={"response_modalities": ["IMAGE"]},
    )
    assert chat.extra["gemini.generate"] == {
        "safetySettings": [],
        "toolConfig": {"includeServerSideToolInvocations": True},
        "generationConfig": {"responseModalities": ["IMAGE"]},
    }


# Writing.


def test_system_messages_from_everywhere_become_one_instruction():
    messages = (Message("system", (Text("a"),)), HI, Message("developer", (Text("b"),)))
    body, _ = write_request(Chat("m", messages))
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert body["contents"] == [user({"text": "hi"})]


def test_a_result_gets_the_name_of_its_call_from_the_history_and_no_id():
    contents, _ = write(HI, said(CALL), Message("user", (ToolResult("call_1", (Text("sunny"),)),)))
    assert contents[1:] == [
        model({"functionCall": {"name": "f", "args": {"a": 1}}}),
        user({"functionResponse": {"name": "f", "response": {"result": "sunny"}}}),
    ]


def test_all_results_of_one_turn_stand_in_one_content():
    results = [Message("user", (ToolResult(id, (Text(id),)),)) for id in ("call_1", "call_2")]
    contents, _ = write(HI, said(CALL, ToolCall("call_2", "g")), *results, HI)
    assert [[*part] for part in contents[2]["parts"]] == [["functionResponse"]] * 2
    assert contents[3] == user({"text": "hi"})


def test_an_id_that_google_s_own_client_wrote_goes_back():
    contents = [model(call("f") | {"functionCall": {"id": "x", "name": "f", "args": {}}})]
    assert write_request(read(*contents))[0]["contents"] == contents


def test_media_that_a_tool_answered_stand_in_the_answer_where_the_model_takes_them():
    result = ToolResult("call_1", (Text("see"), Image(Source("image/png", data="AAAA"))), name="f")
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    answered = {"name": "f", "response": {"result": "see"}}
    newer, _ = write(Message("user", (result,)), model="gemini-3-flash-preview")
    older, _ = write(Message("user", (result,)), model="gemini-2.5-flash")
    assert newer == [user({"functionResponse": {**answered, "parts": [picture]}})]
    assert older == [user({"functionResponse": answered}, picture)]


def test_a_failed_tool_says_so():
    contents, lost = write(Message("user", (ToolResult(None, (Text("no"),), "f", is_error=True),)))
    assert contents[0]["parts"] == [{"functionResponse": {"name": "f", "response": {"error": "no"}}}]
    assert lost == []


def test_a_refusal_is_text():
    assert write(HI, said(Refusal("no")))[0][1] == model({"text": "no"})


def test_what_has_nothing_to_say_is_left_out():
    contents, _ = write(HI, said(Text("")), said(Other("anthropic.messages", {"type": "server_tool_use"})), HI)
    assert contents == [user({"text": "hi"})] * 2


def test_cache_points_names_and_the_like_are_said_to_be_lost():
    messages = (Message("user", (Text("a", Cache()), Image(Source(url="https://x/a.png"), "high")), "Ann"),)
    _, lost = write_request(Chat("m", messages, user="u", metadata={}, logit_bias={"1": 2}, parallel_tool_calls=False))
    assert set(lost) == {"cache", "detail", "name", "user", "metadata", "logit_bias", "parallel_tool_calls"}


def test_a_document_of_plain_text_is_text():
    contents, lost = write(Message("user", (Document(Source("text/plain"), "a.txt", "words"),)))
    assert (contents[0]["parts"], lost) == ([{"text": "words"}], ["name"])


# Signatures.


def test_a_signature_on_a_call_survives():
    first, second = ToolCall(None, "f", signature=GOOGLE), ToolCall(None, "g")
    parts = write(HI, said(first, second), model="gemini-3-pro-preview")[0][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["c2ln", None]


def test_a_thought_that_is_only_google_s_signature_puts_it_on_the_part_after_it():
    parts = write(HI, said(Thinking(signature=GOOGLE), CALL))[0][1]["parts"]
    assert parts == [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]


def test_what_another_dialect_says_of_such_a_thought_changes_nothing():
    thought = Thinking(signature=GOOGLE, extra={"openai.responses": {"id": "rs_1", "status": "completed"}})
    (part,) = write(HI, said(thought, CALL))[0][1]["parts"]
    assert part["thoughtSignature"] == "c2ln"


def test_a_signature_that_nothing_follows_stands_with_an_empty_text_as_in_streams():
    parts = write(HI, said(Text("so"), Thinking(signature=GOOGLE)))[0][1]["parts"]
    assert parts == [{"text": "so"}, {"text": "", "thoughtSignature": "c2ln"}]


def test_a_signature_before_a_part_that_has_its_own_keeps_its_place():
    signed = ToolCall(None, "f", signature=Signature("b3du", "google"))
    parts = write(HI, said(Thinking(signature=GOOGLE), signed))[0][1]["parts"]
    assert [part["thoughtSignature"] for part in parts] == ["c2ln", "b3du"]


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm", Signature("x", "anthropic")),
        Thinking(redacted=Signature("x", "anthropic")),
        Thinking(signature=Signature("x", "openai")),
    ],
)
def test_a_thought_that_another_vendor_signed_is_left_out_and_said_to_be_lost(thought):
    contents, lost = write(HI, said(thought, Text("so")))
    assert (contents[1], lost) == (model({"text": "so"}), ["thinking"])


def test_a_thought_without_a_signature_goes_back_as_a_thought():
    contents, lost = write(HI, said(Thinking("hm"), Text("so")))
    assert (contents[1], lost) == (model({"text": "hm", "thought": True}, {"text": "so"}), [])


@pytest.mark.parametrize("name", ["gemini-3-pro-preview", "gemini-3.5-flash", "gemini-flash-latest"])
def test_gemini_3_refuses_a_call_without_a_signature_so_the_first_gets_google_s_placeholder(name):
    foreign = ToolCall("a", "f", signature=Signature("x", "anthropic"))
    parts = write(HI, said(Text("so"), foreign, ToolCall("b", "g")), model=name)[0][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [None, NO_SIGNATURE, None]


def test_older_models_get_no_placeholder():
    assert "thoughtSignature" not in json.dumps(write(HI, said(CALL), model="gemini-2.5-pro"))
