import pytest

from dialects.openai_responses.asking import ask
from llmproxy.core.chat import (
    Audio,
    Cache,
    Chat,
    Document,
    Image,
    Message,
    Other,
    Reasoning,
    ResponseFormat,
    Signature,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    foreign,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.dialects.openai_responses import OpenAIResponsesClient, OpenAIResponsesProvider

HELLO = Message("user", (Text("hello"),))
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "let me see", "annotations": []}],
}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
    "encrypted_content": "xyz",
}
HOSTED = {"type": "web_search_call", "id": "ws_1", "status": "completed"}


def read(given="hello", **members):
    return ask(given, **members).to_chat()


def write(*messages, **members):
    return OpenAIResponsesProvider().write_request(Chat("m", messages or (HELLO,), **members))


def items(*parts, role="assistant"):
    body, lost = write(HELLO, Message(role, parts))
    return body["input"][1:], lost


def there_and_back(*given):
    body, lost = OpenAIResponsesProvider().write_request(read([{"role": "user", "content": "hello"}, *given]))
    return body["input"][1:], lost


def test_instructions_are_the_first_system_message():
    assert read(instructions="be brief").messages == (Message("system", (Text("be brief"),)), HELLO)
    assert write(Message("system", (Text("be brief"),)), HELLO)[0]["instructions"] == "be brief"


def test_system_messages_stay_where_they_stand():
    said = {"role": "developer", "content": "be brief"}
    assert read([{"role": "user", "content": "hello"}, said]).messages[1] == Message("developer", (Text("be brief"),))
    assert there_and_back(said) == ([said], [])


def test_a_system_prompt_in_blocks_keeps_them():
    body, _ = write(Message("system", (Text("a"), Text("b"))), HELLO)
    texts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert ("instructions" in body, body["input"][0]) == (False, {"role": "system", "content": texts})


@pytest.mark.parametrize(
    "members",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"background": True},
    ],
)
def test_what_is_kept_at_openai_does_not_cross_a_border(members):
    with pytest.raises(UnsupportedFeature) as caught:
        read(**members)
    assert caught.value.param == next(iter(members))


@pytest.mark.parametrize("members", [{"previous_response_id": None}, {"background": False}, {"conversation": None}])
def test_what_is_not_asked_for_is_not_refused(members):
    assert read(**members).messages == (HELLO,)


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
    ],
)
def test_an_item_that_only_openai_understands_is_refused_by_its_place(item):
    with pytest.raises(UnsupportedFeature) as caught:
        read([{"role": "user", "content": "hello"}, item])
    assert caught.value.param == "input.1"


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"role": "critic", "content": "a"}, "input.0.role"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input.0.content.0"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input.0.content.0"),
        ({"type": "function_call", "call_id": "c"}, "input.0"),
        ({"type": "function_call_output", "output": "a"}, "input.0"),
        ({"type": "reasoning", "summary": [{}]}, "input.0"),
    ],
)
def test_an_item_that_makes_no_sense_is_named_by_its_path(item, path):
    with pytest.raises(ParseError) as caught:
        read([item])
    assert caught.value.param == path


@pytest.mark.parametrize(
    "members",
    [
        {"tools": [7]},
        {"tools": 7},
        {"tool_choice": {"type": "function"}},
        {"include": 7},
        {"text": "plain"},
        {"text": {"format": "plain"}},
        {"reasoning": "much"},
    ],
)
def test_a_member_that_makes_no_sense_is_named(members):
    with pytest.raises(ParseError) as caught:
        read(**members)
    assert caught.value.param == next(iter(members))


def test_the_result_of_a_call_refers_to_its_call_id_and_not_to_its_id():
    call, result = (message.parts[0] for message in read([CALL, RESULT]).messages)
    assert (call.id, result.call_id) == ("call_1", "call_1")
    assert there_and_back(CALL, RESULT) == ([CALL, RESULT], [])


def test_items_of_the_assistant_are_one_turn_so_that_parallel_calls_stay_together():
    other = {**CALL, "id": "fc_2", "call_id": "call_2"}
    turns = read([REASONING, SAID, CALL, other, RESULT, {**RESULT, "call_id": "call_2"}]).messages
    assert [turn.role for turn in turns] == ["assistant", "user", "user"]
    assert [type(part) for part in turns[0].parts] == [Thinking, Thinking, Text, ToolCall, ToolCall]


def test_two_messages_in_a_row_are_two_turns():
    said = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert [turn.text for turn in read(said).messages] == ["a", "b"]
    assert there_and_back(*said) == (said, [])


def test_a_message_behind_a_call_does_not_part_it_from_its_result():
    turn, _ = read([CALL, SAID, RESULT]).messages
    assert [type(part) for part in turn.parts] == [ToolCall, Text]


@pytest.mark.parametrize("item", [SAID, REASONING, CALL, HOSTED, {**REASONING, "content": []}])
def test_an_item_of_openais_comes_out_as_it_went_in(item):
    assert there_and_back(item) == ([item], [])


def test_an_item_that_openai_ran_itself_is_nothing_to_others():
    assert list(foreign(read([HOSTED]).messages, "x")) == ["web_search_call"]
    assert items(Other("anthropic.messages", {"type": "server_tool_use"}), Text("a"))[0] == [
        {"role": "assistant", "content": "a"}
    ]


def test_a_thought_carries_the_signature_at_the_end_of_its_summary():
    first, second = read([REASONING]).messages[0].parts
    assert (first.text, first.signature) == ("a", None)
    assert (second.text, second.signature) == ("b", Signature("xyz", "openai"))


def test_encrypted_reasoning_without_a_summary_is_redacted():
    (thought,) = read([{"type": "reasoning", "summary": [], "encrypted_content": "xyz"}]).messages[0].parts
    assert thought == Thinking(redacted=Signature("xyz", "openai"))
    assert items(thought) == ([{"type": "reasoning", "summary": [], "encrypted_content": "xyz"}], [])


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("hm", Signature("sig", "anthropic")),
        Thinking(signature=Signature("sig", "google")),
        Thinking(redacted=Signature("sig", "anthropic")),
        Thinking("hm"),
    ],
)
def test_a_thought_that_openai_cannot_replay_is_left_out_and_named(thought):
    assert items(thought, Text("a")) == ([{"role": "assistant", "content": "a"}], ["thinking"])


def test_what_another_maker_signed_is_its_own_again():
    summary = [{"type": "summary_text", "text": "hm"}]
    item = {"type": "reasoning", "summary": summary, "encrypted_content": "llmproxy.anthropic.sig"}
    assert read([item]).messages[0].parts == (Thinking("hm", Signature("sig", "anthropic")),)


def test_reasoning_in_the_open_is_told_from_its_summary():
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}], "id": "rs_1"}
    assert read([item]).messages[0].parts[0].text == "hm"
    assert there_and_back(item) == ([item], [])


def test_texts_have_other_types_on_either_side():
    two = (Text("a"), Text("b"))
    assert [part["type"] for part in items(*two)[0][0]["content"]] == ["output_text", "output_text"]
    assert [part["type"] for part in items(*two, role="user")[0][0]["content"]] == ["input_text", "input_text"]


@pytest.mark.parametrize(
    ("written", "part"),
    [
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            Image(Source("image/png", "AAAA"), "low"),
        ),
        ({"type": "input_image", "image_url": "https://x.example/a"}, Image(Source(url="https://x.example/a"))),
        ({"type": "input_image", "file_id": "file_1"}, Image(Source(file_id="file_1"))),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            Document(Source("application/pdf", "AAAA"), "a.pdf"),
        ),
        ({"type": "input_file", "file_url": "https://x.example/a"}, Document(Source(url="https://x.example/a"))),
        ({"type": "input_file", "file_id": "file_1"}, Document(Source(file_id="file_1"))),
    ],
)
def test_images_and_files_are_read_and_written(written, part):
    assert read([{"role": "user", "content": [written]}]).messages[0].parts == (part,)
    assert items(part, role="user")[0] == [{"role": "user", "content": [written]}]


def test_a_tool_may_answer_with_an_image():
    output = [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "https://x.example/a"}]
    assert there_and_back(CALL, {**RESULT, "output": output})[0][1]["output"] == output


def test_sound_is_refused_on_both_sides_and_not_dropped():
    said = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    with pytest.raises(UnsupportedFeature):
        read([{"role": "user", "content": [said]}])
    with pytest.raises(UnsupportedFeature):
        items(Audio(Source("audio/wav", "AAAA")), role="user")


def test_a_picture_that_was_made_comes_back_as_its_item():
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"}
    assert read([item]).messages[0].parts[0].source == Source("image/png", "AAAA")
    assert there_and_back(item) == ([item], [])


def test_results_come_before_what_the_user_says_with_them():
    written, _ = items(Text("and now?"), ToolResult("call_1", (Text("sunny"),)), role="user")
    assert written == [RESULT, {"role": "user", "content": "and now?"}]


def test_an_id_that_is_too_long_is_the_same_short_one_in_call_and_result():
    long = "c" * 65
    body, _ = write(Message("assistant", (ToolCall(long, "f"),)), Message("user", (ToolResult(long),)))
    call, result = body["input"]
    assert call["call_id"] == result["call_id"] != long
    assert len(call["call_id"]) <= 64


def test_a_call_without_arguments_has_an_empty_object():
    assert items(ToolCall("call_1", "f"))[0][0]["arguments"] == "{}"


def test_tools_are_flat():
    tool = {"type": "function", "name": "f", "description": "does", "parameters": {"type": "object"}, "strict": True}
    assert read(tools=[tool]).tools == (Tool("f", "does", {"type": "object"}, True),)
    assert write(tools=(Tool("f", "does", {"type": "object"}, True),))[0]["tools"] == [tool]


def test_a_tool_of_which_nobody_said_so_is_not_strict_though_this_dialect_would_take_it_for_so():
    assert write(tools=(Tool("f"),))[0]["tools"][0]["strict"] is False


def test_a_hosted_tool_stays_one_and_is_nothing_to_others():
    chat = read(tools=[{"type": "web_search"}])
    assert chat.tools == (Other("openai.responses", {"type": "web_search"}),)
    assert OpenAIResponsesProvider().write_request(chat)[0]["tools"] == [{"type": "web_search"}]


@pytest.mark.parametrize(
    ("written", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("auto", ("f",)),
        ),
    ],
)
def test_tool_choices_are_read_and_written(written, choice):
    assert read(tool_choice=written).tool_choice == choice
    assert write(tool_choice=choice)[0]["tool_choice"] == written


@pytest.mark.parametrize(
    "choice", [{"type": "web_search"}, {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}]
)
def test_the_choice_of_a_hosted_tool_stays_as_it_is(choice):
    assert OpenAIResponsesProvider().write_request(read(tool_choice=choice))[0]["tool_choice"] == choice


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ({"type": "text"}, ResponseFormat("text")),
        ({"type": "json_object"}, ResponseFormat("json")),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            ResponseFormat("schema", {"type": "object"}, "n", None, True),
        ),
    ],
)
def test_response_formats_are_read_and_written(written, form):
    assert read(text={"format": written}).response_format == form
    assert write(response_format=form)[0]["text"] == {"format": written}


def test_what_else_is_said_of_the_text_stays_beside_its_format():
    text = {"format": {"type": "json_object"}, "verbosity": "low"}
    assert OpenAIResponsesProvider().write_request(read(text=text))[0]["text"] == text


@pytest.mark.parametrize(
    ("written", "effort", "visible"),
    [
        ({"effort": "low"}, "low", None),
        ({"effort": "low", "summary": "auto"}, "low", True),
        ({"summary": "detailed"}, None, True),
        ({"effort": "high", "summary": None}, "high", False),
        ({"generate_summary": "concise"}, None, True),
        ({"effort": "low", "context": "all_turns"}, "low", None),
    ],
)
def test_reasoning_is_read_and_written(written, effort, visible):
    chat = read(reasoning=written)
    assert (chat.reasoning.effort, chat.reasoning.visible) == (effort, visible)
    assert OpenAIResponsesProvider().write_request(chat)[0]["reasoning"] == written


@pytest.mark.parametrize(
    ("reasoning", "written"),
    [
        (Reasoning(budget=8000), {"effort": "medium"}),
        (Reasoning(enabled=False), {"effort": "none"}),
        (Reasoning(effort="high", visible=True), {"effort": "high", "summary": "auto"}),
    ],
)
def test_reasoning_of_other_dialects_has_words(reasoning, written):
    assert write(reasoning=reasoning)[0]["reasoning"] == written


def test_a_model_that_reasons_is_asked_for_what_can_be_sent_back():
    assert write(reasoning=Reasoning(effort="low"))[0]["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize("reasoning", [None, Reasoning(effort="none")])
def test_a_model_that_does_not_is_not_since_it_would_refuse(reasoning):
    assert "include" not in write(reasoning=reasoning)[0]


def test_a_conversation_with_encrypted_reasoning_goes_on_with_it():
    body, _ = write(HELLO, Message("assistant", (Thinking(redacted=Signature("xyz", "openai")), Text("a"))), HELLO)
    assert body["include"] == ["reasoning.encrypted_content"]


def test_logprobs_are_something_to_include():
    assert read(include=["message.output_text.logprobs"], top_logprobs=3).logprobs is True
    body, _ = write(logprobs=True, top_logprobs=3)
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 3)


def test_members_with_names_of_their_own():
    members = {"temperature": 0.5, "top_p": 0.9, "parallel_tool_calls": False, "user": "u", "metadata": {"a": "b"}}
    chat = read(max_output_tokens=7, **members)
    assert (chat.max_tokens, chat.temperature, chat.user) == (7, 0.5, "u")
    assert OpenAIResponsesProvider().write_request(chat)[0].items() >= {"max_output_tokens": 7, **members}.items()


def test_what_has_no_word_here_is_named():
    members = {"top_k": 1, "stop": ("a",), "seed": 1, "presence_penalty": 1.0, "logit_bias": {"1": 1.0}}
    assert write(**members)[1] == ["top_k", "stop", "seed", "presence_penalty", "logit_bias"]


def test_losses_within_the_conversation_are_named():
    result = ToolResult("call_1", (Text("a", Cache()),), is_error=True, cache=Cache())
    assert sorted(items(result, role="user")[1]) == ["cache", "cache", "is_error"]


def test_a_cache_point_is_read_and_stays_one():
    said = {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    assert read([{"role": "user", "content": [said]}]).messages[0].parts[0].cache == Cache()
    assert there_and_back({"role": "user", "content": [said]}) == ([{"role": "user", "content": [said]}], [])


def test_more_than_one_answer_is_refused():
    with pytest.raises(UnsupportedFeature) as caught:
        write(n=2)
    assert caught.value.param == "n"


def test_what_only_this_dialect_knows_is_kept_for_it():
    members = {"truncation": "auto", "service_tier": "flex", "store": False}
    assert OpenAIResponsesProvider().write_request(read(**members))[0].items() >= members.items()


def test_what_a_client_repeats_of_our_answers_is_not_called_a_loss():
    chat = read(
        [SAID, REASONING, CALL, RESULT], store=False, include=["reasoning.encrypted_content"], truncation="auto"
    )
    dropped = set(foreign(chat, "anthropic.messages")) - OpenAIResponsesClient().immaterial
    assert dropped == {"truncation"}
