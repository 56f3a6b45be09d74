import pytest

from llmproxy.access.clients import Client, Clients
from llmproxy.config.models import ClientConfig
from llmproxy.core.tokens import Environment


def clients(environ=None, files=(), names=("ci", "app")):
    configs = [ClientConfig(name, f"{name.upper()}_KEY", models=("m",) if name == "app" else None) for name in names]
    return Clients(configs, Environment(files, environ or {}))


def test_a_client_is_found_by_its_key():
    found = clients({"CI_KEY": "one", "APP_KEY": "two"})
    assert found.find("one") == Client("ci")
    assert found.find("two") == Client("app", ("m",))


@pytest.mark.parametrize(
    ("models", "passthrough", "may"),
    [
        (None, None, True),
        (("m",), None, False),
        ((), None, False),
        (("m",), ("up",), True),
        (("m",), ("other",), False),
        (None, ("other",), False),
        (None, (), False),
    ],
)
def test_an_llms_own_api_is_open_to_those_without_limits_and_to_those_who_are_named(models, passthrough, may):
    config = ClientConfig("ci", "CI_KEY", models=models, passthrough=passthrough)
    assert Clients([config], Environment((), {"CI_KEY": "one"})).find("one").may_pass_to("up") is may


@pytest.mark.parametrize("key", ["", "three", "ONE", "one ", "öne", "\ud800", "o" * 100_000, "one\x00"])
def test_any_other_key_finds_nobody(key):
    assert clients({"CI_KEY": "one"}).find(key) is None


@pytest.mark.parametrize("value", ["", "  "])
def test_a_client_without_a_secret_is_found_by_nothing(value):
    found = clients({"CI_KEY": value})
    assert found.find("") is None
    assert found.find(value) is None


def test_there_are_clients_even_while_none_of_them_can_call():
    assert clients()
    assert not clients(names=())


def test_a_key_outside_ascii_is_compared_and_does_not_fail():
    assert clients({"CI_KEY": "schlüssel"}).find("schlüssel") == Client("ci")


def test_keys_are_not_kept():
    found = clients({"CI_KEY": "canary"})
    found.find("canary")
    assert "canary" not in repr(vars(found)) + repr(found)


def test_an_edited_file_counts_at_once(tmp_path):
    file = tmp_path / ".env"
    file.write_text("CI_KEY=old\n")
    found = clients(files=[file])
    assert found.find("old")
    file.write_text("CI_KEY=newer\n")
    assert (found.find("old"), found.find("newer")) == (None, Client("ci"))


def test_a_file_that_goes_away_takes_its_keys_along(tmp_path):
    file = tmp_path / ".env"
    file.write_text("CI_KEY=old\n")
    found = clients(files=[file])
    assert found.find("old")
    file.unlink()
    assert found.find("old") is None


def test_a_secret_file_is_looked_at_again_after_a_while(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("llmproxy.access.clients.time.monotonic", lambda: now[0])
    secret = tmp_path / "secret"
    secret.write_text("old\n")
    found = clients({"CI_KEY_FILE": str(secret)})
    assert found.find("old")
    secret.write_text("new\n")
    assert found.find("old")
    now[0] += 5
    assert (found.find("old"), found.find("new")) == (None, Client("ci"))
