"""The transcript of docs/custom-providers.md, replayed in a shell: from `pip install` to a provider that two SDKs ask.

What `pip install` would fetch is taken from the Python that runs the tests; everything else is run as it stands there.
"""

import importlib.util
import os
import re
import signal
import subprocess
import sysconfig
import venv
from typing import NamedTuple

import pytest
from gunicorns import KEPT, free_port, wait_until_alive

from docs.blocks import block

WRITTEN = "http://127.0.0.1:3000"
SDKS = ("openai", "anthropic")
NUMBER = re.compile(r"\d+(\.\d+)?")


class Step(NamedTuple):
    """A command, and what is printed then."""

    command: str
    printed: str

    @property
    def sdk(self):
        """The SDK that it needs, if it does."""
        return next((name for name in SDKS if f"from {name} import" in self.command), None)


def steps():
    """What the page shows: a line with `$` begins a command, one with `>` goes on with it, all others are printed."""
    code = block("docs/custom-providers.md", "console", "pip install").code
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        further = [line[2:] for line in lines[1:] if line.startswith("> ")]
        yield Step("\n".join([lines[0], *further]), "\n".join(lines[1 + len(further) :]))


STEPS = list(steps())


class Shell:
    """A shell in a folder of its own, which does one command after the other."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        environ |= {"LLMPROXY_PORT": str(self.port), "NO_PROXY": "127.0.0.1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._bash = subprocess.Popen(["bash"], cwd=folder, env=environ, text=True, start_new_session=True, **pipes)

    def run(self, command):
        """What it prints, until it is done."""
        self._bash.stdin.write(f"{command.replace(WRITTEN, f'http://127.0.0.1:{self.port}')}\necho; echo DONE $?\n")
        self._bash.stdin.flush()
        lines = []
        while not (line := self._bash.stdout.readline()).startswith("DONE "):
            assert line, "the shell has ended"
            lines.append(line)
        assert line == "DONE 0\n", f"{command}: {''.join(lines)}"
        if command.endswith("&"):  # whoever types takes a moment as well
            wait_until_alive(self.port, self._bash)
        return "".join(lines).strip()

    def close(self):
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait(10)
        self._bash.stdin.close()
        self._bash.stdout.close()


def install(folder):
    """What `pip install` leaves: the package, and its commands."""
    packages = next(folder.glob(".venv/lib/python*/site-packages"))
    (packages / "installed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})")
    for name, module in (("llmproxy", "llmproxy"), ("pytest", "pytest")):
        script = folder / ".venv" / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{folder}/.venv/bin/python" -m {module} "$@"\n')
        script.chmod(0o755)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command has printed; None where its SDK is not here."""
    folder = tmp_path_factory.mktemp("transcript")
    shell, found = Shell(folder), []
    try:
        for step in STEPS:
            if "-m venv" in step.command:
                venv.create(folder / ".venv", symlinks=True)
                found.append("")
            elif "pip install" in step.command:
                install(folder)
                found.append("")
            elif step.sdk and importlib.util.find_spec(step.sdk) is None:
                found.append(None)
            else:
                found.append(shell.run(step.command))
        yield found
    finally:
        shell.close()


def test_there_are_fewer_than_ten_commands():
    assert [step.sdk for step in STEPS if step.sdk] == list(SDKS)
    assert len(STEPS) < 10


@pytest.mark.parametrize("number", range(len(STEPS)), ids=lambda number: STEPS[number].command.splitlines()[0])
def test_a_command_does_what_the_page_shows(printed, number):
    step = STEPS[number]
    if printed[number] is None:
        pytest.skip(f"the {step.sdk} SDK comes with the dev extra")
    assert NUMBER.sub("N", printed[number]) == NUMBER.sub("N", step.printed)
