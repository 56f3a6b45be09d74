import base64
import json

import pytest

from dialects.bedrock_converse.service import check
from llmproxy.core.chat import (
    Audio,
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Reasoning,
    Refusal,
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.bedrock_converse.chat import write_request

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NEWER = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-2-lite-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
LLAMA = "meta.llama3-2-1b-instruct-v1:0"

ADD = Tool("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
PICTURE = Image(Source("image/png", data="AAAA"))
PDF = Document(Source("application/pdf", data="AAAA"), "a report")
HELLO = Message("user", (Text("hello"),))


def write(*messages, model=CLAUDE, **members):
    """The body and what was lost, once Amazon's own description has nothing against it."""
    body, lost = write_request(Chat(model, messages or (HELLO,), **members))
    check(body, model)
    return body, lost


def said_by(*parts, role="user", model=CLAUDE):
    """The blocks that say these parts."""
    return write(Message(role, parts), model=model)[0]["messages"][0]["content"]


# Messages.


def test_the_model_and_the_stream_stand_in_the_path():
    assert write(stream=True)[0] == {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}


def test_system_messages_stand_apart_in_their_order():
    system = (Message("system", (Text("a"),)), HELLO, Message("developer", (Text("b"),)))
    assert write(*system)[0]["system"] == [{"text": "a"}, {"text": "b"}]


def test_a_system_message_is_text_alone():
    with pytest.raises(UnsupportedFeature):
        write(Message("system", (PICTURE,)), HELLO)


def test_neighbours_of_one_role_are_one_message():
    body, _ = write(HELLO, Message("user", (Text("again"),)), Message("assistant", (Text("hi"),)), HELLO)
    assert [(turn["role"], len(turn["content"])) for turn in body["messages"]] == [
        ("user", 2), ("assistant", 1), ("user", 1),
    ]  # fmt: skip


def test_results_of_one_turn_stand_in_one_message_and_come_first():
    calls = Message("assistant", (ToolCall("1", "a"), ToolCall("2", "b")))
    results = [Message("user", (ToolResult(id, (Text(id),)),)) for id in "12"]
    body, _ = write(HELLO, calls, Message("user", (Text("here"),)), *results, tools=(ADD,))
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == ["toolResult", "toolResult", "text"]


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_a_blank_text_is_left_out_since_bedrock_refuses_it(text):
    call = ToolCall("1", "add", "{}")
    body, lost = write(HELLO, Message("assistant", (Text(text), call)), HELLO, tools=(ADD,))
    assert ([next(iter(block)) for block in body["messages"][1]["content"]], lost) == (["toolUse"], [])


def test_a_turn_that_says_nothing_is_left_out():
    assert len(write(HELLO, Message("assistant", (Text(""),)), HELLO)[0]["messages"]) == 1


def test_a_beginning_of_an_answer_ends_without_white_space():
    assert write(HELLO, Message("assistant", (Text("It is "),)))[0]["messages"][1]["content"] == [{"text": "It is"}]


def test_the_name_of_a_speaker_has_no_place():
    assert write(Message("user", (Text("hi"),), "bob"))[1] == ["name"]


# Parts.


def test_a_refusal_is_a_text():
    assert said_by(Text("hi"), Refusal("no"), role="assistant")[1] == {"text": "no"}


@pytest.mark.parametrize(
    ("media_type", "format"), [("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("IMAGE/webp", "webp")]
)
def test_an_image_is_sent_with_its_format(media_type, format):
    image = Image(Source(media_type, data="AAAA"))
    assert said_by(image) == [{"image": {"format": format, "source": {"bytes": "AAAA"}}}]


@pytest.mark.parametrize(
    "part",
    [
        Image(Source(url="https://pictures.example/a.png")),
        Image(Source("image/png", url="https://pictures.example/a.png")),
        Image(Source(file_id="file-1")),
        Image(Source("image/tiff", data="AAAA")),
        Image(Source(data="AAAA")),
        Document(Source("application/zip", data="AAAA")),
        Document(Source("application/pdf", url="https://x.example/a.pdf")),
        Audio(Source("audio/midi", data="AAAA")),
        ToolResult("1", (Audio(Source("audio/wav", data="AAAA")),)),
    ],
)
def test_content_that_bedrock_has_no_place_for_is_refused_rather_than_dropped(part):
    with pytest.raises(UnsupportedFeature):
        write(Message("user", (part,)))


def test_how_closely_to_look_has_no_place():
    assert write(Message("user", (Image(PICTURE.source, "high"),)))[1] == ["detail"]


def test_sound_and_films_are_sent_with_their_formats():
    blocks = said_by(Audio(Source("audio/mpeg", data="AAAA")), Document(Source("video/quicktime", data="AAAA")))
    assert blocks == [
        {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
        {"video": {"format": "mov", "source": {"bytes": "AAAA"}}},
    ]


def test_a_document_that_came_as_text_is_one_of_text():
    block = said_by(Document(Source(), "notes", "grüße"))[0]["document"]
    assert (block["format"], base64.b64decode(block["source"]["bytes"]).decode()) == ("txt", "grüße")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("report.pdf", "report-pdf"),
        ("  a\n\tb  ", "a b"),
        ("(a) [b]-1", "(a) [b]-1"),
        ("äöü", "---"),
        ("", "Document"),
        (None, "Document"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_documents_name_is_of_the_few_characters_that_bedrock_takes(name, written):
    assert said_by(Document(PDF.source, name))[0]["document"]["name"] == written


def test_no_two_documents_have_one_name():
    names = [block["document"]["name"] for block in said_by(PDF, PDF, Document(PDF.source, "a report (2)"), PDF)]
    assert names == ["a report", "a report (2)", "a report (2) (2)", "a report (3)"]


def test_a_call_has_its_input_as_an_object():
    body, _ = write(HELLO, Message("assistant", (ToolCall("t1", "add", '{"a": 1}'),)), tools=(ADD,))
    assert body["messages"][1]["content"] == [{"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}}]


def test_a_call_whose_arguments_are_no_json_shows_them_as_they_were():
    body, _ = write(HELLO, Message("assistant", (ToolCall("t1", "add", "{a"),)), tools=(ADD,))
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"INVALID_JSON": "{a"}


@pytest.mark.parametrize("id", ["call|1", "x" * 80, "functions.add:0", None])
def test_a_call_and_its_result_have_one_id_that_fits(id):
    turn = (Message("assistant", (ToolCall(id, "add"),)), Message("user", (ToolResult(id, (Text("2"),)),)))
    body, _ = write(HELLO, *turn, tools=(ADD,))
    call, result = body["messages"][1]["content"][0]["toolUse"], body["messages"][2]["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"]


@pytest.mark.parametrize(
    ("is_error", "status"), [(True, {"status": "error"}), (False, {"status": "success"}), (None, {})]
)
def test_a_result_says_whether_the_tool_failed(is_error, status):
    block = said_by(ToolResult("t1", (Text("2"),), is_error=is_error))[0]["toolResult"]
    assert block == {"toolUseId": "t1", "content": [{"text": "2"}], **status}


def test_a_result_may_hold_images_and_documents_and_may_be_empty():
    blocks = said_by(ToolResult("t1", (PICTURE, PDF, Text(""))), ToolResult("t2"))
    assert [[next(iter(each)) for each in block["toolResult"]["content"]] for block in blocks] == [
        ["image", "document"],
        [],
    ]


def test_a_thought_that_claude_signed_goes_back_with_its_signature():
    thought = Thinking("hm", Signature("c2ln", "anthropic"))
    assert said_by(thought, role="assistant") == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
    ]


def test_an_encrypted_thought_goes_back_in_bedrocks_base64():
    thought = Thinking(redacted=Signature("Eu8ECkgI", "anthropic"))
    assert said_by(thought, role="assistant") == [{"reasoningContent": {"redactedContent": "RXU4RUNrZ0k="}}]


@pytest.mark.parametrize(
    "thought", [Thinking("hm"), Thinking("hm", Signature("x", "google")), Thinking(redacted=Signature("x", "openai"))]
)
def test_a_thought_that_cannot_be_shown_again_is_left_out_and_said_to_be(thought):
    body, lost = write(HELLO, Message("assistant", (thought, Text("hi"))))
    assert (body["messages"][1]["content"], lost) == ([{"text": "hi"}], ["thinking"])


def test_a_block_of_converses_own_goes_back_as_it_was_and_another_dialects_is_left_out():
    own = Other("bedrock.converse", {"guardContent": {"text": {"text": "x"}}})
    assert said_by(own, Other("openai.chat", {"type": "x"})) == [{"guardContent": {"text": {"text": "x"}}}]


# Cache points.


def test_a_cache_point_follows_the_part_it_belongs_to():
    text = Text("long", Cache("1h"))
    body, _ = write(Message("system", (text,)), Message("user", (text, Text("short"))))
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert (body["system"], body["messages"][0]["content"]) == (
        [{"text": "long"}, point],
        [{"text": "long"}, point, {"text": "short"}],
    )


def test_a_cache_point_within_a_result_follows_the_result():
    blocks = said_by(ToolResult("1", (Text("a", Cache()),)), Text("b"))
    assert blocks[1:] == [{"cachePoint": {"type": "default"}}, {"text": "b"}]


def test_a_cache_point_follows_a_tool():
    tools = write(tools=(Tool("a", cache=Cache()), ADD))[0]["toolConfig"]["tools"]
    assert [next(iter(tool)) for tool in tools] == ["toolSpec", "cachePoint", "toolSpec"]


def test_nova_takes_cache_points_in_messages_but_not_after_tools_nor_with_a_ttl():
    body, lost = write(Message("user", (Text("a", Cache("1h")),)), model=NOVA, tools=(Tool("a", cache=Cache()),))
    assert body["messages"][0]["content"][1] == {"cachePoint": {"type": "default"}}
    assert (len(body["toolConfig"]["tools"]), lost) == (1, ["cache"])


def test_a_model_that_refuses_cache_points_is_not_sent_any():
    cached = Message("user", (Text("a", Cache()), ToolResult("1", cache=Cache())))
    body, lost = write(cached, model=LLAMA, tools=(Tool("a", cache=Cache()),))
    assert ("cachePoint" in json.dumps(body), lost) == (False, ["cache"])


def test_a_cache_point_after_nothing_is_none():
    assert write(Message("user", (Text("", Cache()), Text("hi"))))[1] == ["cache"]


# Parameters.


def test_parameters_stand_in_the_inference_config():
    body, lost = write(model=LLAMA, max_tokens=5, temperature=0.5, top_p=0.9, stop=("a", "b"))
    inference = {"maxTokens": 5, "temperature": 0.5, "topP": 0.9, "stopSequences": ["a", "b"]}
    assert (body["inferenceConfig"], lost) == (inference, [])


@pytest.mark.parametrize("model", [CLAUDE, NOVA, LLAMA])
@pytest.mark.parametrize(("temperature", "written"), [(2, 1), (-1, 0)])
def test_a_temperature_beyond_what_converse_takes_is_the_nearest(model, temperature, written):
    body, lost = write(model=model, temperature=temperature)
    assert (body["inferenceConfig"], lost) == ({"temperature": written}, ["temperature"])


@pytest.mark.parametrize(
    ("model", "fields", "lost"),
    [
        (CLAUDE, {"top_k": 5}, []),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f", {"top_k": 5}, []),
        (NOVA, {"inferenceConfig": {"topK": 5}}, []),
        (LLAMA, None, ["top_k"]),
    ],
)
def test_top_k_is_a_parameter_of_each_vendors_own(model, fields, lost):
    body, dropped = write(model=model, top_k=5)
    assert (body.get("additionalModelRequestFields"), dropped) == (fields, lost)


def test_claude_is_asked_which_text_ended_its_answer():
    assert write(stop=("END",))[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence", "/delta/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in write(stop=("END",), model=LLAMA)[0]


def test_what_converse_has_no_word_for_is_lost_and_said_to_be():
    members = {
        "seed": 1, "presence_penalty": 0.5, "frequency_penalty": 0.5, "logprobs": True, "top_logprobs": 2,
        "logit_bias": {"1": 2}, "parallel_tool_calls": False,
    }  # fmt: skip
    body, lost = write(**members)
    assert (set(lost), body.keys()) == (members.keys(), {"messages"})


def test_more_than_one_answer_is_refused():
    with pytest.raises(UnsupportedFeature):
        write(n=2)
    assert write(n=1)[1] == []


# Thinking.


def fields_of(model=CLAUDE, **members):
    body, lost = write(model=model, **members)
    return body.get("additionalModelRequestFields"), body.get("inferenceConfig", {}), lost


def test_a_budget_of_thoughts_is_claudes_own_parameter():
    fields, inference, lost = fields_of(reasoning=Reasoning(budget=2000), max_tokens=9000)
    assert fields == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert (inference, lost) == ({"maxTokens": 9000}, [])


def test_thoughts_are_given_room_where_no_limit_was_set():
    fields, inference, _ = fields_of(reasoning=Reasoning(effort="high"))
    assert inference["maxTokens"] > fields["thinking"]["budget_tokens"] >= 1024


def test_a_newer_claude_takes_an_effort():
    fields, _, _ = fields_of(NEWER, reasoning=Reasoning(effort="high"))
    assert fields == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}


def test_a_claude_that_thinks_takes_no_temperature_no_top_k_and_no_forced_tool():
    members = {"temperature": 0.5, "top_k": 5, "tools": (ADD,), "tool_choice": ToolChoice("required", ("add",))}
    body, lost = write(reasoning=Reasoning(budget=2000), max_tokens=9000, **members)
    assert (body["inferenceConfig"], body["toolConfig"]["toolChoice"]) == ({"maxTokens": 9000}, {"auto": {}})
    assert set(lost) == {"temperature", "top_k", "tool_choice"}


def test_thinking_is_not_begun_in_the_middle_of_a_turn_with_tools():
    turn = (Message("assistant", (ToolCall("1", "add"),)), Message("user", (ToolResult("1", (Text("2"),)),)))
    body, lost = write(HELLO, *turn, tools=(ADD,), reasoning=Reasoning(budget=2000), max_tokens=9000)
    assert ("additionalModelRequestFields" in body, lost) == (False, ["reasoning"])


@pytest.mark.parametrize(
    ("model", "reasoning", "fields", "lost"),
    [
        (GPT, Reasoning(effort="minimal"), {"reasoning_effort": "low"}, []),
        (GPT, Reasoning(budget=10_000), {"reasoning_effort": "high"}, []),
        (GPT, Reasoning(effort="none"), None, ["reasoning"]),
        (LLAMA, Reasoning(effort="high"), None, ["reasoning"]),
        (GPT, Reasoning(effort="high", visible=False), {"reasoning_effort": "high"}, ["visible"]),
    ],
)
def test_other_models_take_an_effort_or_none(model, reasoning, fields, lost):
    assert fields_of(model, reasoning=reasoning) == (fields, {}, lost)


# Tools.


def test_a_tool_has_its_schema_in_a_json_of_its_own():
    spec = {"name": "add", "description": "Adds.", "inputSchema": {"json": dict(ADD.parameters)}}
    assert write(tools=(ADD,))[0]["toolConfig"] == {"tools": [{"toolSpec": spec}]}


@pytest.mark.parametrize("parameters", [None, {}, {"properties": {}}])
def test_a_tool_without_parameters_takes_an_object(parameters):
    tools = write(tools=(Tool("now", "", parameters),))[0]["toolConfig"]["tools"]
    assert tools == [{"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]


def test_a_strict_tool_is_strict_where_the_model_can_be_held_to_it():
    strict = Tool("a", strict=True)
    assert write(tools=(strict,))[0]["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
    body, lost = write(tools=(strict,), model=LLAMA)
    assert ("strict" in json.dumps(body), lost) == (False, ["strict"])


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice("auto"), {"auto": {}}),
        (ToolChoice("required"), {"any": {}}),
        (ToolChoice("required", ("add",)), {"tool": {"name": "add"}}),
    ],
)
def test_the_choice_of_a_tool_has_a_word(choice, written):
    assert write(tools=(ADD, Tool("b")), tool_choice=choice)[0]["toolConfig"]["toolChoice"] == written


def test_of_several_tools_that_may_be_called_the_others_are_not_offered():
    choice = ToolChoice("required", ("a", "b"))
    config = write(tools=(Tool("a"), Tool("b"), Tool("c")), tool_choice=choice)[0]["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["a", "b"]
    assert config["toolChoice"] == {"any": {}}


def test_tools_that_must_not_be_called_are_left_out_for_there_is_no_word_for_none():
    body, lost = write(tools=(ADD,), tool_choice=ToolChoice("none"))
    assert ("toolConfig" in body, lost) == (False, [])


CALLED = (
    Message("assistant", (ToolCall("1", "add"),)),
    Message("user", (ToolResult("1", (Text("2"),)),)),
)


def test_a_history_with_calls_needs_the_tools_even_where_none_may_be_called():
    body, lost = write(HELLO, *CALLED, tools=(ADD,), tool_choice=ToolChoice("none"))
    assert ("toolChoice" in body["toolConfig"], len(body["toolConfig"]["tools"]), lost) == (False, 1, ["tool_choice"])


def test_a_history_with_calls_has_them_declared_where_the_client_declares_none():
    tools = write(HELLO, *CALLED)[0]["toolConfig"]["tools"]
    assert [tool["toolSpec"]["name"] for tool in tools] == ["add"]


def test_a_choice_without_tools_is_lost():
    body, lost = write(tool_choice=ToolChoice("required"))
    assert ("toolConfig" in body, lost) == (False, ["tool_choice"])


def test_a_tool_that_the_model_runs_itself_goes_back_as_it_was():
    own = Other("bedrock.converse", {"systemTool": {"name": "nova_grounding"}})
    config = write(tools=(own, Other("openai.responses", {"type": "web_search"})))[0]["toolConfig"]
    assert config == {"tools": [{"systemTool": {"name": "nova_grounding"}}]}


# The form of the answer, and notes.


def test_a_schema_of_the_answer_is_a_text_of_json():
    format = ResponseFormat("schema", {"type": "object"}, "City", "A city.", strict=True)
    schema = {"schema": '{"type":"object"}', "name": "City", "description": "A city."}
    output = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    body, lost = write(response_format=format)
    assert (body["outputConfig"], lost) == (output, [])


@pytest.mark.parametrize(("kind", "lost"), [("json", ["response_format"]), ("text", [])])
def test_json_without_a_schema_cannot_be_asked_for(kind, lost):
    body, dropped = write(response_format=ResponseFormat(kind))
    assert ("outputConfig" in body, dropped) == (False, lost)


def test_the_user_and_the_metadata_are_notes():
    body, lost = write(user="u-1", metadata={"team": "search", "run": "a b"})
    assert (body["requestMetadata"], lost) == ({"user": "u-1", "team": "search", "run": "a b"}, [])


def test_a_note_that_does_not_fit_is_lost_and_said_to_be():
    body, lost = write(user='{"id": 1}', metadata={"a": "b", "n": 5, "é": "x", "long": "x" * 300})
    assert (body["requestMetadata"], lost) == ({"a": "b"}, ["user", "metadata"])


def test_there_are_sixteen_notes_at_most():
    body, lost = write(user="u", metadata={f"n{number}": "x" for number in range(20)})
    assert (len(body["requestMetadata"]), lost) == (16, ["metadata"])


def test_members_of_converses_own_are_laid_over():
    body, _ = write(max_tokens=5, extra={"bedrock.converse": {"serviceTier": {"type": "flex"}}})
    assert body["serviceTier"] == {"type": "flex"}
