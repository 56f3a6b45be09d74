import json

import pytest

from llmproxy import EnvTokenProvider, StaticTokenProvider
from llmproxy.core.secrets import MASK, SECRETS, Secrets
from llmproxy.core.tokens import CallableTokenProvider, Environment, FileTokenProvider


@pytest.fixture
def secrets():
    return Secrets()


def test_a_secret_is_masked_wherever_it_stands(secrets):
    secrets.learn("sk-secret-1")
    assert secrets.mask("Bearer sk-secret-1, sk-secret-1!") == f"Bearer {MASK}, {MASK}!"


def test_what_holds_none_is_the_same(secrets):
    secrets.learn("sk-secret-1")
    assert secrets.mask("a text") == "a text"
    assert secrets.mask_bytes(b"\xff\x00") == b"\xff\x00"


@pytest.mark.parametrize("order", [["sk-secret", "sk-secret-longer"], ["sk-secret-longer", "sk-secret"]])
def test_a_secret_that_begins_with_another_leaves_nothing(secrets, order):
    for secret in order:
        secrets.learn(secret)
    assert secrets.mask("sk-secret-longer") == MASK


@pytest.mark.parametrize("text", ["", "x", "none", "ollama", "1234567"])
def test_a_word_too_short_to_be_one_is_none(secrets, text):
    assert secrets.learn(text) == text
    assert secrets.mask(f"the {text} model") == f"the {text} model"


@pytest.mark.parametrize("secret", ['with"quote-1', "with\\backslash", "with/slash-12"])
def test_a_secret_is_known_in_json_as_well(secrets, secret):
    secrets.learn(secret)
    assert secrets.mask(json.dumps({"a": secret})) == json.dumps({"a": MASK})
    assert secrets.mask(json.dumps(secret).replace("/", "\\/")) == f'"{MASK}"'


def test_bytes_keep_what_is_no_text_around_it(secrets):
    secrets.learn("sk-secret-1")
    assert secrets.mask_bytes(b"\xffsk-secret-1\x80") == b"\xff" + MASK.encode() + b"\x80"


def test_the_oldest_go_when_there_are_too_many(secrets):
    for number in range(5000):
        secrets.learn(f"secret-{number:05}")
    assert (secrets.mask("secret-04999"), secrets.mask("secret-00000")) == (MASK, "secret-00000")


def test_every_token_that_was_given_out_is_known(tmp_path):
    path = tmp_path / "token"
    path.write_text("from-a-file\n")
    environment = Environment(environ={"A_KEY": "from-a-variable"})
    for provider in (
        EnvTokenProvider("A_KEY", environment),
        StaticTokenProvider("from-the-code"),
        FileTokenProvider(path),
        CallableTokenProvider(lambda: "from-a-function"),
    ):
        assert SECRETS.mask(provider.get_token()) == MASK
