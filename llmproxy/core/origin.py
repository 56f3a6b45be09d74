"""Where code that is not ours has failed, for messages of one line."""

import traceback
from pathlib import Path
from typing import NamedTuple


class Place(NamedTuple):
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line}"


def places(error: BaseException) -> list[Place]:
    """The lines that were at work when `error` was raised, the one that failed last. Of a file that is no Python, the
    line that is none."""
    found = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        found.append((error.filename or "", error.lineno))
    return [Place(Path(file), line) for file, line in found if line and Path(file).is_file()]


def told(error: BaseException) -> str:
    """What an exception says, on one line: `ZeroDivisionError: division by zero`."""
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {reason}".split()) if reason else type(error).__name__


def shown(path: Path) -> str:
    """How messages call a file: as it was given, relative to the working directory where that is possible."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
