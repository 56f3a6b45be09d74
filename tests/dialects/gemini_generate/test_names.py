import pytest

from llmproxy.dialects.gemini_generate.names import camel_cased, member, resource, spelling


def test_members_in_snake_case_are_google_s_too():
    body = {"system_instruction": {"parts": [{"inline_data": {"mime_type": "image/png"}}]}}
    assert camel_cased(body) == {"systemInstruction": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}


@pytest.mark.parametrize("name", ["args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema"])
def test_what_is_the_clients_own_keeps_its_names(name):
    assert camel_cased({name: {"user_name": {"first_name": 1}}}) == {name: {"user_name": {"first_name": 1}}}


def test_a_member_is_found_in_either_spelling():
    assert member({"max_output_tokens": 5}, "maxOutputTokens") == 5
    assert member({"maxOutputTokens": 6}, "maxOutputTokens") == 6


def test_an_edit_keeps_the_spelling_that_is_there():
    assert spelling({"generation_config": {}}, "generationConfig") == "generation_config"
    assert spelling({}, "generationConfig") == "generationConfig"


def test_a_model_is_a_resource_unless_it_is_of_another_kind():
    assert resource("gemini-2.5-flash") == "models/gemini-2.5-flash"
    assert resource("tunedModels/mine") == "tunedModels/mine"
