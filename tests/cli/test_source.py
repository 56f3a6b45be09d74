import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup

from llmproxy import LLMProxy
from llmproxy.cli import group

OWN = {"llm": {"parrot": {"provider": "echo", "models": ["polly"]}}}


@pytest.fixture
def run_in():
    """Runs a command as `flask llmproxy ...` would for an application."""

    def invoke(app, *arguments):
        return app.test_cli_runner().invoke(group, arguments, catch_exceptions=False)

    return invoke


@pytest.fixture
def app():
    """An application with a proxy of its own."""
    app = Flask("host")
    LLMProxy(app, url_prefix="/llm", config=OWN)
    return app


def models(result):
    return [model["id"] for model in json.loads(result.stdout)]


def test_under_flask_the_applications_own_proxy_is_meant(run_in, app):
    assert models(run_in(app, "models", "--json")) == ["polly", "echo"]


def test_under_flask_a_config_file_wins_over_the_application(run_in, app, write):
    path = write('[llm.raven]\nprovider = "echo"\nmodels = ["poe"]', "raven.toml")

    assert models(run_in(app, "models", "--json", "-c", str(path))) == ["poe", "echo"]


def test_under_flask_an_application_without_a_proxy_leaves_the_usual_configuration(run_in):
    assert models(run_in(Flask("host"), "models", "--json")) == ["echo"]


def test_under_flask_the_application_answers_chats(run_in, app):
    assert run_in(app, "chat", "polly", "hello").stdout == "hello\n"


def test_under_flask_check_is_about_the_application(run_in, app):
    assert "parrot" in run_in(app, "check").stdout


def test_under_flask_a_configuration_without_a_file_cannot_be_served(run_in, app):
    result = run_in(app, "serve")

    assert result.exit_code == 2
    assert "not in a file" in result.stderr


def test_flask_finds_the_group_without_an_application():
    result = CliRunner().invoke(FlaskGroup(), ["llmproxy", "models", "--json"], catch_exceptions=False)

    assert models(result) == ["echo"]


def test_an_application_that_cannot_be_imported_is_told_and_not_passed_over(write):
    write("import nothing_of_that_name", "app.py")

    asked = subprocess.run([sys.executable, "-m", "flask", "llmproxy", "models"], capture_output=True, text=True)

    assert asked.returncode == 2
    assert "nothing_of_that_name" in asked.stderr
