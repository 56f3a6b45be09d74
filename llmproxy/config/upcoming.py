"""What a configuration may say already although nothing listens to it yet. An entry disappears from here in the change
that gives it its effect."""

from collections.abc import Iterable, Mapping

from llmproxy.config.document import Document
from llmproxy.config.locate import KeyPath
from llmproxy.config.report import key_and_table, quoted, table_title

UPCOMING_PROVIDERS: tuple[str, ...] = ()
"""Providers whose class does not exist yet: their llms are accepted, their own options unchecked, and they are off."""

NO_EFFECT_YET = (
    "server.write_secs",
    "server.request_timeout_secs",
    "server.state",
    "server.shared",
    "server.admin_token_env",
    "server.keepalive_secs",
    "server.on_disconnect",
    "llm.*.max_retries",
    "llm.*.max_parallel",
    "llm.*.retry_on_stale_reuse",
    "llm.*.timeouts.progress_secs",
    "llm.*.timeouts.total_secs",
    "model.*.targets.1",  # the first target answers; a second one is never asked
    "model.*.targets.*.weight",
    "model.*.policy",
    "model.*.fallback_on_ambiguous",
    "model.*.fallback_on_context_length",
    "client.*.limits",
    "client.*.budget",
    "price.*",
)
"""Keys and tables without effect yet; `*` stands for one name or position."""

_PATTERNS = tuple(tuple(pattern.split(".")) for pattern in NO_EFFECT_YET)


def no_effect_lines(document: Document, server_keys: Iterable[str], upcoming_llms: Mapping[str, str]) -> list[str]:
    """One line for each thing that was written and has no effect yet, in the order of the document.

    Args:
        document: What was written.
        server_keys: The [server] keys that come from the environment or the command line.
        upcoming_llms: The provider of each llm that waits for its provider's class, by the llm's name.
    """
    written = [*(path for path, _ in document.walk()), *(("server", key) for key in server_keys)]
    found = {_told(path): None for path in written if _has_no_effect(path)}
    waiting = {
        f"{table_title(('llm', name))} provider = {quoted(provider)}": None for name, provider in upcoming_llms.items()
    }
    return [f"{what}: no effect yet" for what in {**found, **waiting}]


def _has_no_effect(path: KeyPath) -> bool:
    return any(_matches(path, pattern) for pattern in _PATTERNS)


def _matches(path: KeyPath, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(
        wanted in ("*", str(part)) for part, wanted in zip(path, pattern, strict=True)
    )


def _told(path: KeyPath) -> str:
    if isinstance(path[-1], int):
        return f"{table_title(path[:2])} targets after the first"
    key, table = key_and_table(path)
    return f"{table} {key}" if key else table
