"""On which line of a TOML text a key stands. `tomllib` tells values but no places; this reads the same text once more
for the places alone, and relies on `tomllib` having accepted it."""

import bisect
import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Where a value stands: `("llm", "openai", "timeouts", "idle_secs")`, `("route", 0, "processors", 1)`."""

_GAP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""(?P<bare>[A-Za-z0-9_-]+)|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r"""
      \"{3}(?:[^\\]|\\.)*?\"{3,5}       # up to two quotes may stand before the closing three
    | '{3}.*?'{3,5}
    | "(?:[^"\\]|\\.)*"
    | '[^']*'
    """,
    re.VERBOSE | re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


class Lines:
    """The line numbers of the keys of one text. Counted from 1."""

    def __init__(self, text: str = "") -> None:
        self._lines = _Scanner(text.replace("\r\n", "\n")).scan()

    def of(self, path: KeyPath) -> int | None:
        """The line of a key, of the nearest one around it where it has none of its own, or None."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)


class _Scanner:
    """One walk through the text. `_at` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._last_index: dict[KeyPath, int] = {}  # of each [[array]] so far

    def scan(self) -> Mapping[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._assignment(table)
            self._skip(_GAP)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line()
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        parts = self._key()
        self._at += 2 if is_array else 1
        path = self._inside_arrays(parts[:-1]) + parts[-1:]
        if is_array:
            self._last_index[path] = self._last_index.get(path, -1) + 1
        path = self._inside_arrays(path[-1:], path[:-1])
        self._mark(path, line)
        self._lines[path] = line  # the header itself, not a sub-table's that came before it
        return path

    def _inside_arrays(self, parts: KeyPath, start: KeyPath = ()) -> KeyPath:
        """Puts the index of the latest element behind each name that is a [[array]]."""
        path = start
        for part in parts:
            path += (part,)
            if path in self._last_index:
                path += (self._last_index[path],)
        return path

    def _assignment(self, table: KeyPath) -> None:
        line = self._line()
        path = table + self._key()
        self._skip(_SPACE)
        self._at += 1  # "="
        self._skip(_GAP)
        self._value(path, line)

    def _key(self) -> KeyPath:
        parts: KeyPath = ()
        while True:
            self._skip(_SPACE)
            match = _KEY_PART.match(self._text, self._at)
            if match is None:
                raise ValueError(f"no key in line {self._line()}")
            self._at = match.end()
            parts += (match[0] if match["bare"] else _unquoted(match[0]),)
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: KeyPath, line: int) -> None:
        self._mark(path, line)
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        index = 0
        while self._more("]"):
            self._value((*path, index), self._line())
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        while self._more("}"):
            self._assignment(path)

    def _more(self, closing: str) -> bool:
        """Steps over the opening bracket or comma, and says whether another element follows."""
        self._skip(_GAP)
        if self._text[self._at : self._at + 1] in ("[", "{", ","):
            self._at += 1
        self._skip(_GAP)
        if not self._text.startswith(closing, self._at):
            return self._at < len(self._text)
        self._at += 1
        return False

    def _mark(self, path: KeyPath, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._lines.setdefault(path[:end], line)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match is not None

    def _line(self) -> int:
        return bisect.bisect_left(self._line_ends, self._at) + 1


def _unquoted(key: str) -> str:
    return str(tomllib.loads(f"key = {key}")["key"])
