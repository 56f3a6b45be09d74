"""Tools, which of them may be called, and the schemas of their arguments."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import Other, Tool, ToolChoice
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.gemini_generate.names import NAME, several
from llmproxy.dialects.losses import note_cache

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_CHOICES = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto"}
_NUMBERS_AS_TEXT = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def read_tools(tools: Any) -> Iterator[Tool | Other]:
    """Functions, and tools that Google runs itself."""
    for tool in several(tools):
        for declaration in several(tool.get("functionDeclarations")):
            yield _read_declaration(declaration)
        rest = {name: value for name, value in tool.items() if name != "functionDeclarations"}
        if rest:
            yield Other(NAME, rest)


def _read_declaration(said: Mapping[str, Any]) -> Tool:
    """A function. A schema in Google's own language is kept besides what it says in JSON Schema."""
    extra = keep(NAME, said, ("name", "description", "parametersJsonSchema"))
    parameters = said.get("parametersJsonSchema")
    if parameters is None and said.get("parameters") is not None:
        parameters = json_schema(said["parameters"])
    return Tool(said["name"], said.get("description"), parameters, extra=extra)


def write_tools(tools: Iterable[Tool | Other], lost: list[str]) -> list[dict[str, Any]]:
    """Tools; all functions are declared together, since Vertex takes but one list of them."""
    written: list[dict[str, Any]] = []
    declared: list[dict[str, Any]] = []
    for tool in tools:
        if isinstance(tool, Tool):
            if not declared:
                written.append({"functionDeclarations": declared})
            declared.append(_write_declaration(tool, lost))
        elif tool.dialect == NAME:
            written.append(dict(tool.value))
    return written


def _write_declaration(tool: Tool, lost: list[str]) -> dict[str, Any]:
    """A function. Only `parametersJsonSchema` takes all of JSON Schema; the older `parameters` refuses much of it."""
    if tool.strict:
        lost.append("strict")
    note_cache(tool, lost)
    parameters = None if "parameters" in tool.extra.get(NAME, {}) else tool.parameters
    written = {"name": tool.name, **given(description=tool.description, parametersJsonSchema=parameters)}
    return lay_over(written, tool.extra, NAME)


def read_tool_choice(config: Any) -> ToolChoice | None:
    """What `functionCallingConfig` says."""
    if not isinstance(config, Mapping):
        return None
    mode, names = config.get("mode"), tuple(several(config.get("allowedFunctionNames")))
    own = {name: value for name, value in config.items() if name not in ("mode", "allowedFunctionNames")}
    choice = ToolChoice(_CHOICES.get(mode or "AUTO", "auto"), names)  # type: ignore[arg-type]  # one of its words
    if mode is not None and _write_mode(choice) != mode:
        own["mode"] = mode
    return ToolChoice(choice.mode, names, {NAME: own} if own else {})


def write_tool_choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    """`functionCallingConfig`."""
    if choice is None:
        return None
    written = {"mode": _write_mode(choice), **given(allowedFunctionNames=list(choice.names) or None)}
    return lay_over(written, choice.extra, NAME)


def _write_mode(choice: ToolChoice) -> str:
    """`AUTO` takes no names: what may be called, and need not, is `VALIDATED`."""
    return "VALIDATED" if choice.names and choice.mode == "auto" else _MODES[choice.mode]


def json_schema(schema: Any) -> Any:
    """JSON Schema that says what a schema in Google's own language does (https://ai.google.dev/api/caching#Schema):
    its types are in capitals, `nullable` is a member, and whole numbers may be texts."""
    if not isinstance(schema, Mapping):
        return schema
    said = {_SPELLINGS.get(name, name): value for name, value in schema.items()}
    nullable = said.pop("nullable", False)
    said.pop("propertyOrdering", None)
    if isinstance(said.get("type"), str):
        said["type"] = said["type"].lower()
        if nullable:
            said["type"] = [said["type"], "null"]
    if isinstance(said.get("properties"), Mapping):
        said["properties"] = {name: json_schema(each) for name, each in said["properties"].items()}
    if "items" in said:
        said["items"] = json_schema(said["items"])
    if isinstance(said.get("anyOf"), list):
        said["anyOf"] = [json_schema(each) for each in said["anyOf"]]
    said.update({name: int(said[name]) for name in _NUMBERS_AS_TEXT if str(said.get(name)).isdigit()})
    return said


_SPELLINGS = {
    "any_of": "anyOf",
    "property_ordering": "propertyOrdering",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
}
