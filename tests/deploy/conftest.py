"""What the examples must fit: our own settings of gunicorn."""

import re
import subprocess
import sys

import pytest

COMMAND = ["-m", "gunicorn", "-c", "python:llmproxy.server.settings", "--print-config", "llmproxy.app:create_app()"]


@pytest.fixture(scope="session")
def gunicorn_seconds(tmp_path_factory):
    """The settings of gunicorn that are numbers, as they are where nobody configures anything."""
    folder = tmp_path_factory.mktemp("settings")
    printed = subprocess.run([sys.executable, *COMMAND], cwd=folder, check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in re.findall(r"^(\w+) += (\d+)$", printed, re.MULTILINE)}
