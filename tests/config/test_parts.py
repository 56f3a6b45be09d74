import itertools

import pytest

from llmproxy.core.errors import ProviderError, TokenError

VAULT = """
from llmproxy import TokenProvider, UrlProvider


class Vault(TokenProvider):
    def __init__(self, path, lease_secs=60):
        if lease_secs < 1:
            raise ValueError("a lease of nothing")
        self.path = path

    def get_token(self):
        return f"from-{self.path}"


class Near(UrlProvider):
    def __init__(self, region="eu"):
        self.region = region

    def get_url(self):
        return f"https://{self.region}.example/v1"
"""
NUMBERS = itertools.count()
TABLE = '[llm.x]\nprovider = "openai"\n'


@pytest.fixture(autouse=True)
def vault(folder):
    """A module of a name that no other test has asked for: what was found stays found."""
    name = f"vault_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text(VAULT)
    return name


def test_a_token_provider_is_made_of_its_table(load, vault):
    config = load(TABLE + f'token_provider = {{ type = "{vault}:Vault", path = "llm" }}\n')
    llm = config.llms["x"]
    assert (llm.token_provider.get_token(), llm.token_env) == ("from-llm", ())
    assert "x" not in [off.name for off in config.off]


def test_a_url_provider_is_made_of_its_table(load, vault):
    llm = load(TABLE + f'url_provider = {{ type = "{vault}:Near", region = "us" }}\n').llms["x"]
    assert llm.url_provider.get_url() == "https://us.example/v1"


def test_a_class_s_own_token_does_not_go_where_a_plug_in_sends_it(load, vault):
    llm = load(TABLE + f'url_provider = {{ type = "{vault}:Near" }}\n', env={"OPENAI_API_KEY": "sk-own"}).llms["x"]
    assert llm.token_env == ()
    named = f'token_env = "KEY"\nurl_provider = {{ type = "{vault}:Near" }}\n'
    assert load(TABLE + named, env={"KEY": "k"}).llms["x"].token_env == ("KEY",)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('{ type = "VAULT:Vault" }', "path in [llm.x.token_provider] is missing"),
        ('{ type = "VAULT:Vault", paht = "a" }', 'unknown key "paht" in [llm.x.token_provider]. Did you mean "path"?'),
        ('{ type = "VAULT:Near" }', "'VAULT:Near' is not a subclass of TokenProvider"),
        ('{ type = "VAULT:None" }', "module 'VAULT' has no attribute 'None'"),
        ('{ type = "vault" }', 'unknown token provider "vault" in [llm.x.token_provider].'),
        ('{ path = "a" }', "type in [llm.x.token_provider] is missing"),
        ("3", "token_provider in [llm.x] must be a table"),
        ('{ type = "VAULT:Vault", path = "a", lease_secs = 0 }', "cannot be built: ValueError: a lease of nothing"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(problems, vault, table, problem):
    (told,) = problems(TABLE + f"token_provider = {table.replace('VAULT', vault)}\n")
    assert told.startswith("llmproxy.toml:3: ")
    assert problem.replace("VAULT", vault) in told


@pytest.mark.parametrize(("key", "kind"), [("token_provider", "token provider"), ("url_provider", "URL provider")])
def test_one_that_cannot_be_imported_is_off_and_the_rest_goes_on(load, folder, key, kind):
    name = f"broken_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text("\nimport nothing_of_this_name\n")
    config = load(TABLE + f'{key} = {{ type = "{name}:It" }}\n[llm.other]\nprovider = "echo"\n')
    (off,) = [off for off in config.off if off.name == "x"]
    assert off.reason.startswith(f"{name}.py:2: {kind} '{name}:It' cannot be loaded: ModuleNotFoundError")
    assert "other" in config.llms
    part = getattr(config.llms["x"], key)
    with pytest.raises(TokenError if key == "token_provider" else ProviderError) as caught:
        part.get_token() if key == "token_provider" else part.get_url()
    assert (caught.value.status, caught.value.detail) == (503, off.reason)
