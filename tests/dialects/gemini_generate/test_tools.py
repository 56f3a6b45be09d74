import pytest

from llmproxy.core.chat import Other, Tool, ToolChoice
from llmproxy.dialects.gemini_generate.tools import (
    json_schema,
    read_tool_choice,
    read_tools,
    write_tool_choice,
    write_tools,
)

NAME = "gemini.generate"


def there_and_back(tools):
    return write_tools(list(read_tools(tools)), [])


def test_functions_and_google_s_own_tools_keep_their_places():
    tools = [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    assert [*read_tools(tools)] == [Other(NAME, {"googleSearch": {}}), Tool("f"), Tool("g")]
    assert there_and_back(tools) == tools


def test_all_functions_are_declared_in_one_list():
    tools = [Tool("f"), Other(NAME, {"googleSearch": {}}), Other("openai.responses", {"type": "x"}), Tool("g")]
    assert write_tools(tools, []) == [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}}]


def test_a_foreign_schema_goes_where_all_of_json_schema_is_taken():
    schema = {"type": "object", "additionalProperties": False, "$defs": {}, "properties": {"a": {"const": 1}}}
    (written,) = write_tools([Tool("f", "does f", schema)], [])
    declared = {"name": "f", "description": "does f", "parametersJsonSchema": schema}
    assert written == {"functionDeclarations": [declared]}


def test_a_schema_in_google_s_language_is_read_into_json_schema_and_goes_back_as_it_was():
    parameters = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": parameters}]}]
    (tool,) = read_tools(tools)
    assert tool.parameters == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    assert there_and_back(tools) == tools


def test_types_in_capitals_unions_and_numbers_as_texts_become_json_schema():
    said = {
        "type": "ARRAY",
        "min_items": "2",
        "items": {"any_of": [{"type": "INTEGER"}, {"type": "OBJECT", "propertyOrdering": ["a"]}]},
    }
    items = {"anyOf": [{"type": "integer"}, {"type": "object"}]}
    assert json_schema(said) == {"type": "array", "minItems": 2, "items": items}


def test_a_property_may_have_the_name_of_a_keyword():
    said = {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "nullable": {"type": "BOOLEAN"}}}
    properties = {"type": {"type": "string"}, "nullable": {"type": "boolean"}}
    assert json_schema(said) == {"type": "object", "properties": properties}


def test_a_strict_tool_is_said_to_be_lost():
    lost = []
    write_tools([Tool("f", strict=True), Tool("g", strict=False)], lost)
    assert lost == ["strict"]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("auto", ("f", "g")), {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}),
        (ToolChoice("auto", extra={NAME: {"mode": "VALIDATED"}}), {"mode": "VALIDATED"}),
        (
            ToolChoice("auto", extra={NAME: {"streamFunctionCallArguments": True}}),
            {"mode": "AUTO", "streamFunctionCallArguments": True},
        ),
    ],
)
def test_a_choice_is_read_and_written(choice, config):
    assert write_tool_choice(choice) == config
    assert read_tool_choice(config) == choice
