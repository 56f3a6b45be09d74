import json
import os
import runpy
import subprocess
import sys
import tomllib

import pytest

from llmproxy import create_app
from llmproxy.cli.new_provider import KINDS
from llmproxy.testing import FaultUpstream

NAME, MODULE = "my-own-llm", "my_own_llm"
DIALECTS = ("/v1/chat/completions", "/v1/messages", "/api/chat")
SAID = {"compatible": b"one two", "http": b"one two", "generator": b"HELLO"}


@pytest.fixture(autouse=True)
def forget():
    """What was imported is no module that is installed."""
    yield
    sys.modules.pop(MODULE, None)


@pytest.fixture
def upstream(folder):
    """Serves what the provider of a module asks: one with words of its own has them in its test. Gives its table's
    further line."""
    with FaultUpstream() as upstream:

        def serve(module):
            sys.path.insert(0, str(folder))
            words = runpy.run_path(str(folder / f"test_{module}.py")).get("WORDS")
            upstream.words = words or upstream.words
            return f'base_url = "{upstream.url}"\n'

        yield serve


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_passes_its_test_at_once(run, folder, kind):
    assert run("new-provider", NAME, "--kind", kind).exit_code == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", f"test_{MODULE}.py"]
    done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_two_lines_are_all_that_the_configuration_needs(run, write, upstream, ask, kind, stream):
    name = f"{kind}-{'streamed' if stream else 'whole'}"  # a class that was found by its path stays found
    lines = run("new-provider", name, "--kind", kind).stdout
    assert lines.count("\n") == 2
    write(lines + ("" if kind == "generator" else upstream(name.replace("-", "_"))))
    client = create_app("llmproxy.toml").test_client()
    for path in DIALECTS:
        answer = ask(client, path, model=f"{name}/m", max_tokens=9, stream=stream)
        said = answer.get_data()
        assert (answer.status_code, stream or SAID[kind] in said) == (200, True)
        assert SAID[kind].split()[0] in said


@pytest.mark.parametrize("kind", ["compatible", "http"])
def test_it_is_off_until_its_token_is_there(run, write, kind):
    write(run("new-provider", NAME, "--kind", kind).stdout)
    (llm,) = [llm for llm in json.loads(run("check", "--json").stdout)["llms"] if llm["name"] == NAME]
    assert (llm["on"], llm["reason"]) == (False, "MY_OWN_LLM_API_KEY is not set")


def test_it_is_written_beside_the_configuration(run, write, folder):
    write("", "elsewhere/proxy.toml")
    assert run("new-provider", NAME, "-c", "elsewhere/proxy.toml").exit_code == 0
    assert sorted(path.name for path in (folder / "elsewhere").glob("*.py")) == [f"{MODULE}.py", f"test_{MODULE}.py"]
    assert not list(folder.glob("*.py"))


def test_it_says_what_it_has_written_beside_the_lines_for_the_configuration(run):
    done = run("new-provider", NAME)
    assert tomllib.loads(done.stdout) == {"llm": {NAME: {"provider": f"{MODULE}:MyOwnLlmProvider"}}}
    assert done.stderr.splitlines() == [
        f"wrote {MODULE}.py",
        f"wrote test_{MODULE}.py",
        f"try it with `pytest test_{MODULE}.py`; the configuration needs:",
    ]


@pytest.mark.parametrize("there", [f"{MODULE}.py", f"test_{MODULE}.py"])
def test_nothing_is_overwritten(run, write, folder, there):
    write("mine", there)
    done = run("new-provider", NAME)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {there} is there already; nothing was written\n"
    assert [path.read_text() for path in folder.glob("*.py")] == ["mine"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("9lives", "letters, digits and single dashes, a letter first"),
        ("a b", "letters, digits and single dashes, a letter first"),
        ("../up", "letters, digits and single dashes, a letter first"),
        ("a--b", "letters, digits and single dashes, a letter first"),
        ("", "letters, digits and single dashes, a letter first"),
        ("class", "it is a word of Python's own"),
        ("json", "is the name of a Python module that is installed"),
        ("openai", "is the name of a provider that is there already"),
        ("azure-openai", "is the name of a provider that is there already"),
    ],
)
def test_a_name_that_cannot_be_one_gets_one_line(run, folder, name, why):
    done = run("new-provider", name)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert why in done.stderr
    assert not list(folder.iterdir())


def test_a_folder_that_takes_no_file_gets_one_line(run, folder, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    done = run("new-provider", NAME)
    assert (done.exit_code, done.stderr) == (1, f"Error: {MODULE}.py: cannot be written: Permission denied\n")
