"""The configuration as it was when it was last found to be right: gunicorn's main process keeps it for its workers.

A worker may begin at any time, after a crash for instance, while somebody edits a file. So none reads the file itself.
Tokens are no part of this: each worker reads them where they are, whenever it needs one.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from logging import Logger
from typing import Any

VARIABLE = "LLMPROXY_CHECKED"
"""Where `llmproxy serve`, which was this process before it became gunicorn, says what it has found."""

CHECK_SECS = 60
AT_START = ("host", "port", "workers", "threads")
"""What gunicorn is told of once: sockets and processes are made of it."""


class Unusable(Exception):
    """The configuration cannot be used.

    Attributes:
        code: The exit code that stands for it.
        problems: One line each.
    """

    def __init__(self, code: int, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.code = code
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that can be used.

    Attributes:
        server: `[server]`, and the address to bind.
        path: The file. None: there is none.
        text: What the file says.
    """

    server: Mapping[str, Any]
    path: str | None
    text: str


class LastGood:
    """What was checked last and found to be right. One that is not ends the process, with exit code 2."""

    def __init__(self) -> None:
        try:
            self.checked = found_before() or check()
        except Unusable as error:
            print(*error.problems, sep="\n", file=sys.stderr)
            raise SystemExit(error.code) from None

    def renew(self, log: Logger) -> None:
        """Looks at the configuration again. What cannot be used changes nothing, and is told in one line."""
        try:
            renewed = check()
        except Unusable as error:
            log.error("the configuration cannot be used; the last good one stays: %s", error)
            return
        late = [key for key in AT_START if renewed.server[key] != self.checked.server[key]]
        if late:
            log.warning("[server] %s: changed, and has an effect at the next start only", ", ".join(late))
        self.checked = renewed

    def hand_over(self) -> None:
        """Called in a worker, which has what this process remembers."""
        # Not imported above: the main process, which keeps for good what it imports, has no use for it.
        importlib.import_module("llmproxy.config.handed").HANDED.take(self.checked.path, self.checked.text)


def check() -> Checked:
    """The configuration as it is now, read by a process of its own: what this one imports, it keeps.

    Raises:
        Unusable: It cannot be used.
    """
    command = [sys.executable, "-m", "llmproxy.server.start"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CHECK_SECS)
    except subprocess.TimeoutExpired:
        raise Unusable(1, [f"it could not be read within {CHECK_SECS} s"]) from None
    if done.returncode:
        raise Unusable(done.returncode, done.stderr.splitlines())
    print(done.stderr, end="", file=sys.stderr)  # warnings, and what plug-ins say
    return Checked(**json.loads(done.stdout))


def leave_for_gunicorn(facts: str) -> dict[str, str]:
    """Leaves what was found for the program that this process goes on as.

    Returns:
        The environment that it needs. The facts themselves are in memory: they may hold a password.
    """
    if not hasattr(os, "memfd_create"):  # Linux has it; elsewhere gunicorn's settings look for themselves
        return {}
    memory = os.memfd_create("llmproxy", 0)  # open after exec
    os.write(memory, facts.encode())
    return {VARIABLE: f"{os.getpid()}:{memory}"}


def found_before() -> Checked | None:
    """What this process has left for itself, if it has."""
    process, _, memory = os.environ.pop(VARIABLE, "").partition(":")
    if process != str(os.getpid()):  # gunicorn gives its first environment to a successor, too
        return None
    with open(int(memory), "rb") as facts:
        facts.seek(0)
        return Checked(**json.load(facts))
