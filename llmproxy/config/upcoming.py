"""What a configuration may say already although nothing listens to it yet. An entry disappears from here in the change
that gives it its effect."""

from collections.abc import Iterable

from llmproxy.config.document import Document
from llmproxy.config.locate import KeyPath
from llmproxy.config.report import key_and_table

NO_EFFECT_YET = (
    "server.state",
    "server.shared",
    "server.admin_token_env",
    "client.*.limits",
    "client.*.budget",
    "price.*",
)
"""Keys and tables without effect yet; `*` stands for one name or position."""

_PATTERNS = tuple(tuple(pattern.split(".")) for pattern in NO_EFFECT_YET)


def no_effect_lines(document: Document, server_keys: Iterable[str]) -> list[str]:
    """One line for each thing that was written and has no effect yet, in the order of the document.

    Args:
        document: What was written.
        server_keys: The [server] keys that come from the environment or the command line.
    """
    written = [*(path for path, _ in document.walk()), *(("server", key) for key in server_keys)]
    found = {_told(path): None for path in written if _has_no_effect(path)}
    return [f"{what}: no effect yet" for what in found]


def _has_no_effect(path: KeyPath) -> bool:
    return any(_matches(path, pattern) for pattern in _PATTERNS)


def _matches(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(
        wanted in ("*", str(part)) for part, wanted in zip(path, pattern, strict=True)
    )


def _told(path: KeyPath) -> str:
    key, table = key_and_table(path)
    return f"{table} {key}" if key else table
