"""Tiny providers and processors, and `load`: a configuration from a text, in an empty folder, with no environment."""

import sys
from textwrap import dedent

import pytest
from marshmallow import Schema, fields

from llmproxy.config import load_config
from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import Registry


class FakeProvider:
    default_base_url = None
    default_token_env = None
    options_schema = Schema


class OpenAI(FakeProvider):
    default_base_url = "https://api.openai.com/v1"
    default_token_env = "OPENAI_API_KEY"

    class options_schema(Schema):
        dialects = fields.List(fields.String(), load_default=["chat"])
        organization = fields.String()


class Groq(FakeProvider):
    default_base_url = "https://api.groq.com/openai/v1"
    default_token_env = "GROQ_API_KEY"


class Homeless(FakeProvider):
    """Has a token variable and no host of its own."""

    default_token_env = "HOMELESS_KEY"


class Rainforest(FakeProvider):
    """Cannot be used without a table."""

    default_token_env = "RAINFOREST_KEY"

    class options_schema(Schema):
        project = fields.String(required=True)


class Echo(FakeProvider):
    class options_schema(Schema):
        delay_ms = fields.Integer(load_default=0)


class FakeProcessor:
    pass


class TokenLimit(FakeProcessor):
    class options_schema(Schema):
        max_tokens = fields.Integer()
        max_input_tokens = fields.Integer()


class Plain(FakeProcessor):
    """Has no schema: its keyword arguments are its keys."""

    def __init__(self, limit, *, mode="soft"):
        self.limit, self.mode = limit, mode


class Deep(FakeProcessor):
    """Has tables in its schema."""

    class options_schema(Schema):
        set = fields.Dict(keys=fields.String(), values=fields.Integer())
        rules = fields.List(fields.Nested(Schema.from_dict({"word": fields.String(required=True)})))


class Asking(FakeProcessor):
    """Is handed its client; takes any further key."""

    asks_models = True

    def __init__(self, target, *, client, **more):
        self.target = target


@pytest.fixture
def providers():
    classes = {"openai": OpenAI, "groq": Groq, "homeless": Homeless, "rainforest": Rainforest, "echo": Echo}
    return Registry("provider", FakeProvider, None, classes)


@pytest.fixture
def processors():
    return Registry(
        "processor", FakeProcessor, None, {"token_limit": TokenLimit, "plain": Plain, "asking": Asking, "deep": Deep}
    )


class FakePolicy:
    pass


@pytest.fixture
def policies():
    return Registry("policy", FakePolicy, None, dict.fromkeys(("fallback", "round_robin", "weighted"), FakePolicy))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory; `sys.path` and `sys.modules` are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def load(folder, providers, processors, policies):
    """Loads a text as `llmproxy.toml`; None: there is no file."""

    def load_text(text=None, *, env=None, **arguments):
        if text is not None:
            (folder / "llmproxy.toml").write_text(dedent(text).lstrip("\n"))
        registries = {"providers": providers, "processors": processors, "policies": policies}
        return load_config(**{**registries, "environ": env or {}, **arguments})

    return load_text


@pytest.fixture
def problems(load):
    """The problems of a text."""

    def problems_of(text=None, **arguments):
        with pytest.raises(ConfigError) as caught:
            load(text, **arguments)
        return caught.value.problems

    return problems_of
