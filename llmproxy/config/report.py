"""What was found while the configuration was read. Problems are collected, so that all of them are told at once; each
names the file, the line and the key at fault, and none repeats a secret."""

import difflib
import json
import re
from collections.abc import Iterable

from llmproxy.config.document import Document
from llmproxy.config.locate import KeyPath
from llmproxy.config.secrets import mask
from llmproxy.core.errors import ConfigError

NAMED_TABLES = ("llm", "model", "processor", "client", "price")
"""The tables of tables: `[llm.NAME]`."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Report:
    """Problems and warnings about one document.

    Args:
        document: Where the key paths lead.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[tuple[int, str]] = []
        self._warnings: list[str] = []
        self._silenced: set[KeyPath] = set()

    @property
    def problems(self) -> tuple[str, ...]:
        """One line each, in the order of the file; what stands elsewhere comes last."""
        return tuple(dict.fromkeys(text for _, text in sorted(self._problems, key=lambda found: found[0])))

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._warnings))

    def problem(self, path: KeyPath, sentence: str) -> None:
        """Something at this key path keeps the configuration from being used."""
        if any(path[:end] in self._silenced for end in range(1, len(path) + 1)):
            return
        line = self._document.lines.of(path)
        self._problems.append((line or 0, mask(f"{self._document.place(path)}: {sentence}")))

    def wrong(self, path: KeyPath, message: str) -> None:
        """The value at this key path is wrong: a predicate of ours ("must be ..."), or somebody else's sentence."""
        joint = " " if message[:1].islower() else ": "
        self.problem(path, f"{describe(path)}{joint}{one_line(message)}")

    def unknown_key(self, path: KeyPath, known: Iterable[str]) -> None:
        """There is no such key."""
        self.unknown(path, "key", str(path[-1]), known)

    def unknown(self, path: KeyPath, kind: str, name: str, known: Iterable[str]) -> None:
        """There is no llm, processor, ... of the name that stands at this key path."""
        hint = did_you_mean(name, known)
        self.problem(path, f"unknown {kind} {quoted(name)} in {table_of(path)}{hint and '.' + hint}")

    def secret(self, path: KeyPath, sentence: str) -> None:
        """There is a secret at this key path. Nothing more is said of it, since that might repeat it."""
        self.problem(path, sentence)
        self._silenced.add(path)

    def elsewhere(self, sentence: str) -> None:
        """A problem outside the document: in `.env`, in the environment, on the command line. Only a warning where all
        was well when it was checked: a worker must be able to begin, and `.env` is read again at each use."""
        if self._document.checked:
            self.warning(sentence)
        else:
            self._problems.append((1 << 31, mask(sentence)))

    def warning(self, sentence: str, path: KeyPath | None = None) -> None:
        """Something an operator should look at; it keeps nothing from working."""
        place = f"{self._document.place(path)}: " if path else ""
        self._warnings.append(mask(f"{place}{sentence}"))

    def raise_problems(self) -> None:
        """Raises a `ConfigError` with every problem, if there is one."""
        if self._problems:
            raise ConfigError(*self.problems)


def describe(path: KeyPath) -> str:
    """How a message calls what stands at a key path: `port in [server]`, `[model.smart]`."""
    key, table = key_and_table(path)
    return f"{key} in {table}" if key else table


def table_of(path: KeyPath) -> str:
    """The title of the table that a path stands in."""
    return key_and_table(path)[1]


def key_and_table(path: KeyPath) -> tuple[str | None, str]:
    """The key at a path and the title of the table it stands in; no key where the path leads to a table of its own."""
    last = max(index for index, part in enumerate(path) if isinstance(part, str))
    if last == 0 or (last == 1 and path[0] in NAMED_TABLES):
        return None, table_title(path)
    key = str(path[last])
    return key if key.isprintable() else quoted(key), table_title(path[:last])


def table_title(path: KeyPath) -> str:
    """A table's header as TOML has it. Positions in lists are left out; the line number tells them."""
    names = [part for part in path if isinstance(part, str)]
    title = ".".join(name if _BARE.fullmatch(name) else quoted(name) for name in names)
    return f"[[{title}]]" if names == ["route"] else f"[{title}]"


def quoted(name: str) -> str:
    """A name in double quotes, on one line whatever is in it."""
    return json.dumps(name, ensure_ascii=False)


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean "provider"?`, or nothing when no known name is close."""
    close = closest(name, known)
    return f" Did you mean {quoted(close)}?" if close else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
