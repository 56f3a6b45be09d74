"""Every example of docs/clients.md, run as it stands there against a running proxy.

SDKs are in the `dev` extra; Node's packages and the coding tools are looked for in `.tools`, where `.ci/tools` installs
them from their registries, and on the path.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from gunicorns import gunicorn

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
TEXT = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
WRITTEN = "http://127.0.0.1:3000"


def blocks(language):
    """The examples in one language, by the word that tells what each of them uses."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [pytest.param(block, id=NAMES[language](block)) for block in found]


NAMES = {
    "python": lambda block: re.search(r"from (\w+)", block)[1],
    "javascript": lambda block: re.search(r'from "([^"]+)"', block)[1],
    "shell": lambda block: block.strip().splitlines()[-1].split()[0],
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    (folder / "llmproxy.toml").touch()
    with gunicorn(folder / "llmproxy.toml", "--threads", "16", log=folder / "log") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def run(proxy, tmp_path):
    """Runs a command in a home of its own, and gives what it printed."""

    def run(*command):
        paths = [TOOLS / "node_modules" / ".bin", TOOLS / "bin", os.environ["PATH"]]
        kept = {name: value for name, value in os.environ.items() if "proxy" in name.lower()}
        environment = {**kept, "HOME": str(tmp_path), "PATH": ":".join(map(str, paths)), "NO_PROXY": "127.0.0.1"}
        kept_apart = {"cwd": tmp_path, "env": environment, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, **kept_apart, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("block", blocks("python"))
def test_a_python_sdk_needs_only_another_base_url(block, proxy, run):
    pytest.importorskip(re.search(r"from ([\w.]+)", block)[1], reason="this SDK is in the dev extra")
    assert "hello there" in run(sys.executable, "-c", block.replace(WRITTEN, proxy))


@pytest.mark.parametrize("block", blocks("javascript"))
def test_a_node_sdk_needs_only_another_base_url(block, proxy, run, tmp_path):
    package = TOOLS / "node_modules" / re.search(r'from "([^"]+)"', block)[1]
    if not package.is_dir():
        pytest.skip("not installed from its registry: this package of Node's")
    (tmp_path / "node_modules").symlink_to(TOOLS / "node_modules")
    (tmp_path / "example.mjs").write_text(block.replace(WRITTEN, proxy), encoding="utf-8")
    assert "hello there" in run("node", "example.mjs")


@pytest.mark.parametrize("block", blocks("shell"))
def test_a_coding_tool_needs_only_another_base_url(block, proxy, run):
    tool = block.strip().splitlines()[-1].split()[0]
    folders = [TOOLS / "node_modules" / ".bin", TOOLS / "bin", *map(Path, os.environ["PATH"].split(":"))]
    if not any((folder / tool).exists() for folder in folders):
        pytest.skip(f"not installed from its registry: {tool}")
    assert "hello there" in run("bash", "-c", block.replace(WRITTEN, proxy))
