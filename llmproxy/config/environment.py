"""The environment of a configuration: the process's, the `.env` beside the file, the `.env` of the working directory.
Names and line numbers are told, values never."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from llmproxy.config.report import Report
from llmproxy.core.origin import shown
from llmproxy.core.tokens import Environment


class LocatedEnvironment(Environment):
    """An environment that knows where a variable is set.

    Args:
        folder: The configuration's; its `.env` wins over the working directory's.
        environ: In place of the process's environment.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None) -> None:
        folders = dict.fromkeys((folder, Path.cwd()))
        super().__init__([folder / ".env" for folder in folders], environ)

    def place_of(self, name: str) -> str:
        """Where a variable is set, as the beginning of a message: ".env:3: ", or nothing for the process's own."""
        if name in self._environ:
            return ""
        file = next((file for file in self.files if name in file.values()), None)
        return f"{shown(file.path)}:{file.line_of(name)}: " if file else ""


def check_files(environment: Environment, report: Report) -> None:
    """Reports lines that do not parse, and files that everybody may read, or we may not."""
    for file in environment.files:
        for line, message in file.problems():
            report.elsewhere(f"{shown(file.path)}:{line}: {message}")
        trouble = _access_trouble(file.path)
        if trouble:
            report.warning(f"{shown(file.path)}: {trouble}")


def _access_trouble(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if not os.access(path, os.R_OK):
        return "cannot be read"
    return "every user of this machine can read it; chmod 600 keeps it private" if mode & stat.S_IROTH else None
