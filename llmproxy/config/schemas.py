"""The tables of the file as marshmallow schemas. Strict: an unknown key is an error. A table inside a table makes the
record it stands for; the others leave that to whoever knows their name."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from llmproxy.config.addresses import base_url_problem, has_control, origin_problem, proxy_problem
from llmproxy.config.fields import (
    Choice,
    Flag,
    JsonTable,
    Number,
    Raw,
    Seconds,
    Setting,
    Text,
    Texts,
    TextTable,
    Variable,
    variable_problem,
)
from llmproxy.config.models import Budget, Limits, TargetConfig, Timeouts, When

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


class Table(Schema):
    """A table of the file."""

    error_messages = {"type": "must be a table"}  # noqa: RUF012 - marshmallow's own way


def _shared_problem(text: str) -> str | None:
    fine = text in ("state", "memory") or text.startswith(("redis://", "rediss://", "unix://"))
    return None if fine else 'must be "state", "memory" or a redis:// URL'


def _state_problem(text: str) -> str | None:
    return None if text == "memory" or "://" in text else 'must be "memory" or an SQLAlchemy URL'


class ServerSchema(Table):
    """[server]"""

    host = Text()
    port = Number(least=0, most=65535, whole=True)
    workers = Number(least=1, whole=True)
    threads = Number(least=1, whole=True)
    write_secs = Seconds()
    trusted_proxies = Number(least=0, whole=True)
    log_level = Choice(LOG_LEVELS, upper=True)
    log_format = Choice(("text", "json"))
    request_timeout_secs = Seconds()
    max_body_mb = Number(above=0)
    cors_allowed_origins = Texts(check=origin_problem)
    auth = Choice(("auto", "keys", "none"))
    strict = Flag()
    state = Text(check=_state_problem)
    shared = Text(check=_shared_problem)
    admin_token_env = Variable()
    keepalive_secs = Number(least=0)
    on_disconnect = Choice(("cancel", "finish"))


class TimeoutsSchema(Table):
    """[llm.NAME.timeouts]"""

    connect_secs = Seconds()
    first_event_secs = Seconds()
    idle_secs = Seconds()
    progress_secs = Seconds()
    total_secs = Seconds()

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Timeouts:
        return Timeouts(**data)


def _header_problem(name: str, value: str) -> str | None:
    if not _HEADER_NAME.fullmatch(name):
        return "is no name of a header"
    return None if value.isprintable() and value.isascii() else "holds characters that no header can carry"


def _path_problem(dialect: str, path: str) -> str | None:
    return None if path.startswith("/") and not has_control(path) else 'must start with "/"'


class LlmSchema(Table):
    """[llm.NAME]: the keys that every provider has. Those of its own are its class's `options_schema`."""

    provider = Text(required=True)
    base_url = Text()
    token_env = Texts(check=variable_problem, or_one=True)
    models = Texts()
    timeout_secs = Seconds()
    max_retries = Number(least=0, whole=True)
    max_parallel = Number(least=1, whole=True)
    supports_streaming = Flag()
    headers = TextTable(check=_header_problem)
    paths = TextTable(check=_path_problem)
    proxy = Text(check=proxy_problem)
    ca_file = Text()
    verify = Flag()
    allow_http = Flag()
    reuse_connections = Flag()
    retry_on_stale_reuse = Flag()
    max_response_mb = Number(above=0)
    token_provider = JsonTable()
    url_provider = JsonTable()
    timeouts = fields.Nested(TimeoutsSchema)

    @validates_schema(skip_on_field_errors=False)
    def check_base_url(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        url = data.get("base_url")
        problem = base_url_problem(url, data.get("allow_http") is True) if url else None
        if problem:
            raise ValidationError(problem, "base_url")


def target_problem(text: str) -> str | None:
    """What is wrong with the short form of a target, or None."""
    llm, _, model = text.partition("/")
    return None if llm and model else 'must be "llm/model"'


class TargetSchema(Table):
    """The long form of a target."""

    llm = Text(required=True)
    model = Text(required=True)
    weight = Number(above=0)

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> TargetConfig:
        return TargetConfig(**data)


class Target(Setting[TargetConfig]):
    """`"llm/model"`, or a table."""

    schema = TargetSchema()

    def _deserialize(self, value: Any, attr: str | None, data: Raw, **kwargs: Any) -> TargetConfig:
        if isinstance(value, Mapping):
            target: TargetConfig = self.schema.load(value)
            return target
        if not isinstance(value, str) or target_problem(value):
            raise ValidationError('must be "llm/model" or a table { llm = ..., model = ... }')
        llm, _, model = value.partition("/")
        return TargetConfig(llm, model)


def _not_empty(targets: list[Any]) -> None:
    if not targets:
        raise ValidationError("must hold at least one target")


class ModelSchema(Table):
    """[model.NAME]"""

    targets = fields.List(
        Target(),
        required=True,
        validate=_not_empty,
        error_messages={"required": "is missing", "invalid": "must be a list of targets"},
    )
    policy = Text()
    params = JsonTable()
    fallback_on_ambiguous = Flag()
    fallback_on_context_length = Text(check=target_problem)

    @post_load
    def tuples(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {**data, "targets": tuple(data["targets"])}


class WhenSchema(Table):
    """`when` of a processor"""

    models = Texts()
    routes = Texts()
    clients = Texts()

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> When:
        return When(**data)


class PartSchema(Table):
    """[llm.NAME.token_provider], [llm.NAME.url_provider]: the key that both have."""

    type = Text(required=True)


class ProcessorSchema(Table):
    """[processor.NAME]: the keys that every processor has."""

    type = Text(required=True)
    when = fields.Nested(WhenSchema)


def _prefix_problem(path: str) -> str | None:
    if not path.startswith("/"):
        return 'must start with "/"'
    odd = has_control(path) or re.search(r"[\s?#<>]", path)
    return "must be a path without ?, #, <, > or white space" if odd else None


class RouteSchema(Table):
    """[[route]]"""

    path_prefix = Text(required=True, check=_prefix_problem)
    target_llm = Text()
    processors = Texts()
    allow_streaming = Flag()
    allow_non_streaming = Flag()


class LimitsSchema(Table):
    """`limits` of a client"""

    requests_per_minute = Number(least=1, whole=True)
    tokens_per_minute = Number(least=1, whole=True)
    parallel = Number(least=1, whole=True)

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Limits:
        return Limits(**data)


class BudgetSchema(Table):
    """`budget` of a client"""

    usd = Number(least=0, required=True)
    period = Choice(("day", "week", "month"))

    @post_load
    def make(self, data: dict[str, Any], **kwargs: Any) -> Budget:
        return Budget(**data)


class ClientSchema(Table):
    """[client.NAME]"""

    token_env = Variable(required=True)
    models = Texts()
    passthrough = Texts()
    limits = fields.Nested(LimitsSchema)
    budget = fields.Nested(BudgetSchema)


class PriceSchema(Table):
    """[price."llm/model"]"""

    input = Number(least=0)
    output = Number(least=0)


class PluginsSchema(Table):
    """[plugins]"""

    paths = Texts()


SCHEMAS: Mapping[str, type[Table]] = {
    "server": ServerSchema,
    "llm": LlmSchema,
    "model": ModelSchema,
    "processor": ProcessorSchema,
    "route": RouteSchema,
    "client": ClientSchema,
    "price": PriceSchema,
    "plugins": PluginsSchema,
}
"""Every table there is."""
