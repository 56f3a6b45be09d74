"""The [server] table: command line > environment > `.env` > file > defaults."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from llmproxy.config.complaints import keys_of, load_table
from llmproxy.config.document import Document
from llmproxy.config.environment import LocatedEnvironment
from llmproxy.config.fields import Setting
from llmproxy.config.models import ServerConfig
from llmproxy.config.report import Report
from llmproxy.config.schemas import ServerSchema
from llmproxy.core.tokens import Environment

PREFIX = "LLMPROXY_"


def environment_settings(environment: Environment) -> dict[str, str]:
    """The [server] keys that are set as `LLMPROXY_NAME`, as texts. Empty variables count as absent."""
    found = {key: environment.get(variable_of(key)) for key in keys_of(ServerSchema())}
    return {key: text for key, text in found.items() if text is not None}


def server_config(
    document: Document,
    settings: Mapping[str, str],
    overrides: Mapping[str, Any],
    environment: LocatedEnvironment,
    report: Report,
) -> ServerConfig:
    """[server] from all its sources; the mistakes of each are reported, also those that a stronger one hides.

    Args:
        document: The file.
        settings: What `environment_settings` found.
        overrides: From the command line, by key.
        environment: Where the settings come from, for messages.
        report: Takes the problems.
    """
    schema = ServerSchema()
    values = load_table(schema, document.table("server"), ("server",), report) or {}
    for key, text in settings.items():
        field = keys_of(schema)[key]
        value = field.read(text) if isinstance(field, Setting) else text
        values |= _load_one(schema, key, value, f"{environment.place_of(variable_of(key))}{variable_of(key)}", report)
    for key, value in overrides.items():
        values |= _load_one(schema, key, value, f"--{key.replace('_', '-')}", report)
    return ServerConfig(**values)


def variable_of(key: str) -> str:
    """The environment variable of a [server] key."""
    return PREFIX + key.upper()


def _load_one(schema: ServerSchema, key: str, value: object, name: str, report: Report) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load({key: value})
    except ValidationError as error:
        for text in _texts(error.messages):
            report.elsewhere(f"{name} {text}")
        return {}
    return loaded


def _texts(messages: object) -> list[str]:
    if isinstance(messages, Mapping):
        return [text for below in messages.values() for text in _texts(below)]
    return [str(text) for text in messages] if isinstance(messages, list) else [str(messages)]
