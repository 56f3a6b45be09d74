import json

import pytest

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import ParseError
from llmproxy.dialects.gemini_generate import GeminiGenerateClient

HI = {"role": "user", "parts": [{"text": "hi"}]}


def ask(model="gemini-2.5-flash", method="generateContent", query=None, kind=None, **members):
    path = {"model": model, "method": method, **({"kind": kind} if kind else {})}
    body = json.dumps({"contents": [HI], **members}).encode()
    return GeminiGenerateClient().parse(body, RequestContext(path=path, query=query or {}))


# What we rely on in a body.


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": ["hi"]}, "contents.0"),
        ({"contents": [HI, {"role": 7}]}, "contents.1.role"),
        ({"contents": [{"parts": "hi"}]}, "contents.0.parts"),
        ({"contents": [{"parts": ["hi"]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"text": 7}]}]}, "contents.0.parts.0.text"),
        ({"systemInstruction": "be brief"}, "systemInstruction"),
        ({"system_instruction": {"parts": 7}}, "system_instruction.parts"),
        ({"generationConfig": {"maxOutputTokens": "5"}}, "generationConfig.maxOutputTokens"),
        ({"generation_config": {"max_output_tokens": True}}, "generation_config.max_output_tokens"),
    ],
)
def test_a_member_that_is_wrong_is_named_by_its_path(members, path):
    with pytest.raises(ParseError) as caught:
        ask(**members)
    assert caught.value.param == path


def test_a_single_part_may_stand_without_brackets_as_in_google_s_examples():
    request = ask(contents={"role": "user", "parts": {"text": "hi"}}, systemInstruction={"parts": {"text": "brief"}})
    assert list(request.texts()) == ["brief", "hi"]


# The path.


def test_the_model_and_the_form_of_the_answer_stand_in_the_path():
    request = ask("gemini-2.5-pro", "streamGenerateContent")
    assert (request.model, request.stream) == ("gemini-2.5-pro", True)
    assert (request.context.model, request.context.stream) == ("gemini-2.5-pro", True)
    assert not ask().stream


@pytest.mark.parametrize(
    ("model", "kind", "name"),
    [
        ("models/gemini-2.5-pro", None, "gemini-2.5-pro"),
        ("mine", "tunedModels", "tunedModels/mine"),
        ("llm/a:b", None, "llm/a:b"),
    ],
)
def test_a_models_name_loses_the_kind_that_all_have(model, kind, name):
    assert ask(model, kind=kind).model == name


def test_another_model_stands_beside_the_body():
    request = ask(model="a", temperature=1).with_model("b")
    assert (request.model, request.to_chat().model) == ("b", "b")
    assert request.with_max_tokens(5).model == "b"
    assert request.to_json() == ask(model="a", temperature=1).to_json()


def test_a_model_in_the_body_does_not_contradict_the_path():
    request = ask(model="a")
    request.body["model"] = "models/a"
    assert "model" not in request.with_model("b").body


def test_a_key_in_the_query_is_nowhere_in_the_request():
    request = ask(query={"key": "secret"})
    assert "secret" not in str(request.to_dict()) + str(request.context.headers)


# Edits.


def test_a_limit_is_found_and_set_in_the_spelling_of_the_body():
    assert ask(generationConfig={"maxOutputTokens": 5}).max_tokens == 5
    edited = ask(generation_config={"max_output_tokens": 9, "topK": 3}).with_max_tokens(4)
    assert edited.body["generation_config"] == {"max_output_tokens": 4, "topK": 3}
    assert ask().with_max_tokens(4).body["generationConfig"] == {"maxOutputTokens": 4}


def test_defaults_by_our_names_go_into_the_settings_that_google_has_for_them():
    request = ask(generationConfig={"temperature": 0.1})
    edited = request.with_defaults({"temperature": 1, "max_tokens": 7, "stop": "END", "safetySettings": []})
    assert edited.body["generationConfig"] == {"temperature": 0.1, "maxOutputTokens": 7, "stopSequences": ["END"]}
    assert edited.body["safetySettings"] == []
    assert request.with_defaults({"temperature": 1}) is request


@pytest.mark.parametrize(
    ("position", "texts"), [("before", ["new", "old"]), ("after", ["old", "new"]), ("replace", ["new"])]
)
def test_a_system_prompt_joins_the_one_that_is_there(position, texts):
    request = ask(system_instruction={"parts": [{"text": "old"}]}).with_system_prompt("new", position)
    assert request.body["system_instruction"]["parts"] == [{"text": text} for text in texts]
    assert "systemInstruction" not in request.body


def test_a_system_prompt_is_made_where_there_was_none():
    assert ask().with_system_prompt("new").body["systemInstruction"] == {"parts": [{"text": "new"}]}


def test_texts_are_those_of_the_system_the_turns_and_what_tools_answered():
    result = {"functionResponse": {"name": "f", "response": {"a": ["x", 5], "b": {"c": "y"}}}}
    request = ask(contents=[HI, {"role": "user", "parts": [result]}], systemInstruction={"parts": [{"text": "s"}]})
    assert list(request.texts()) == ["s", "hi", "x", "y"]
    assert list(request.map_texts(str.upper).texts()) == ["S", "HI", "X", "Y"]
    assert list(request.texts()) == ["s", "hi", "x", "y"]


def test_the_last_text_of_the_user_is_not_what_a_tool_answered():
    result = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": "b"}}}]}
    request = ask(contents=[HI, {"role": "model", "parts": [{"text": "?"}]}, result])
    assert request.last_user_text() == "hi"
    assert request.with_last_user_text("bye").body["contents"][0]["parts"] == [{"text": "bye"}]


def test_the_clients_bytes_go_on_while_nothing_was_edited():
    raw = b'{ "contents": [{"parts": [{"text": "hi"}]}], "unknown_member": 1 }'
    context = RequestContext(path={"model": "m", "method": "generateContent"})
    assert GeminiGenerateClient().parse(raw, context).with_model("x").to_json() == raw
