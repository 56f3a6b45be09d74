"""Commands in an empty folder, without any environment but what a process needs."""

import os
from textwrap import dedent

import pytest
from click.testing import CliRunner
from gunicorns import KEPT

from llmproxy.cli import group


@pytest.fixture(autouse=True)
def alone(folder):
    """The environment has no keys and no settings; it is put back afterwards."""
    before = dict(os.environ)
    for name in set(os.environ) - {*KEPT, "PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run():
    """Runs a command in this process; any exception that leaves it fails the test."""

    def invoke(*arguments, stdin=None, **options):
        return CliRunner().invoke(group, arguments, input=stdin, catch_exceptions=False, **options)

    return invoke


@pytest.fixture
def write(folder):
    """Writes a file, `llmproxy.toml` by default."""

    def write_text(text, name="llmproxy.toml"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
        return path

    return write_text
