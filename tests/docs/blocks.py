"""The code blocks of a page: found, compared with the files they show, and run as they stand there.

A comment in the line before a block says more of it: `<!-- file: examples/shout.py -->` that it is the whole of a file.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^(?:<!-- (?P<note>.*?) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page: Where it stands, from the project's folder on.
        line: The number of its first line of code.
        note: What the comment before it says; empty without one.
    """

    page: str
    line: int
    language: str
    code: str
    note: str = ""

    @property
    def file(self):
        """The file that it shows the whole of, or None."""
        kind, _, name = self.note.partition(": ")
        return ROOT / name if kind == "file" else None

    def run(self, **names):
        """Executes a block of Python; returns its namespace. Tracebacks name the page and the line in it."""
        names = {"__name__": "__main__", **names}
        exec(compile("\n" * (self.line - 1) + self.code, self.page, "exec"), names)
        return names

    def __str__(self):
        return f"line {self.line}"


def blocks(page, language=None):
    """The blocks of a page, in its order; only those in one language, if one is given.

    Args:
        page: From the project's folder on: "docs/processors.md".
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start("code")) + 1, match["language"], match["code"], match["note"] or "")
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if language in (None, block.language)]


def block(page, language, word):
    """The one block in a language that holds a word."""
    (found,) = (each for each in blocks(page, language) if word in each.code)
    return found
