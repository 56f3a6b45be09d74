"""What Amazon's own description of Converse says of a request."""

import functools
import re

import pytest


@functools.cache
def _input_shape():
    session = pytest.importorskip("botocore.session", reason="botocore comes with the bedrock extra").Session()
    return session.get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def check(body, model="anthropic.claude-v2"):
    """Fails where a body is not one that Converse takes: members, types, choices, patterns and lengths."""
    validate = pytest.importorskip("botocore.validate", reason="botocore comes with the bedrock extra")
    shape = _input_shape()
    report = validate.ParamValidator().validate({"modelId": model, **body}, shape)
    assert not report.has_errors(), report.generate_report()
    assert list(_faults(body, shape, "")) == []


def _faults(value, shape, path):
    """What botocore itself leaves to the service to check."""
    if getattr(shape, "is_document_type", False):
        return
    if shape.type_name == "structure":
        if shape.metadata.get("union") and len(value) != 1:
            yield f"{path}: one of {list(shape.members)}, not {list(value)}"
        for name, member in value.items():
            if name not in shape.members:
                yield f"{path}: no member {name!r}"
            else:
                yield from _faults(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from _faults(item, shape.member, f"{path}.{index}")
    elif shape.type_name == "map":
        for name, item in value.items():
            yield from _faults(name, shape.key, f"{path}.{name}")
            yield from _faults(item, shape.value, f"{path}.{name}")
    elif shape.type_name == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{path}: {value!r} is none of {shape.enum}"
        if shape.metadata.get("pattern") and not re.fullmatch(shape.metadata["pattern"], value):
            yield f"{path}: {value!r} does not match {shape.metadata['pattern']}"
    size = value if shape.type_name in ("integer", "float") else len(value) if hasattr(value, "__len__") else 0
    if size > shape.metadata.get("max", size):
        yield f"{path}: {size} is more than {shape.metadata['max']}"
