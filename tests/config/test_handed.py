import pytest

from llmproxy.config.handed import HANDED
from llmproxy.core.errors import ConfigError


@pytest.fixture
def take(monkeypatch):
    """Hands over a file and what it said; forgotten after the test."""
    monkeypatch.setattr(HANDED, "document", None)
    return HANDED.take


def test_what_was_handed_over_stands_for_the_file(take, load, folder):
    take(str(folder / "llmproxy.toml"), "[server]\nthreads = 7\n")
    config = load("[server]\nthreads = 8\n")
    assert (config.server.threads, config.path, config.folder) == (7, folder / "llmproxy.toml", folder)


def test_that_there_was_no_file_is_handed_over_as_well(take, load):
    take(None, "")
    assert load("[server]\nthreads = 8\n").server.threads == 64


def test_another_file_that_is_named_is_read(take, load, folder):
    take(str(folder / "llmproxy.toml"), "[server]\nthreads = 7\n")
    (folder / "other.toml").write_text("[server]\nthreads = 8\n")
    assert load(source="other.toml").server.threads == 8


@pytest.mark.parametrize("line", ["no line of NAME=value", "LLMPROXY_THREADS=many", "LLMPROXY_ADMIN_TOKEN="])
def test_what_env_says_by_now_is_no_reason_not_to_begin(take, load, folder, line):
    take(str(folder / "llmproxy.toml"), "[server]\nport = 7\n")
    (folder / ".env").write_text(f"{line}\n")
    config = load()
    assert config.server.port == 7
    assert any(".env" in warning for warning in config.warnings)


def test_but_nothing_else_may_be_wrong(take, load, folder):
    take(str(folder / "llmproxy.toml"), "[server]\nprot = 7\n")
    with pytest.raises(ConfigError):
        load()
