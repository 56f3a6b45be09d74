"""Notes of the client's application, which Bedrock writes into its owner's logs."""

import re
from typing import Any

from llmproxy.core.chat import Chat

# The few characters that a note may be of, and how many notes there may be.
_NAME = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_MOST = 16


def write_notes(chat: Chat, lost: list[str]) -> dict[str, str]:
    """Who asks, and the notes, as far as they fit."""
    notes: dict[str, str] = {}
    if chat.user is not None:
        _write(notes, "user", chat.user, "user", lost)
    for name, value in (chat.metadata or {}).items():
        _write(notes, name, value, "metadata", lost)
    return notes


def _write(notes: dict[str, str], name: str, value: Any, member: str, lost: list[str]) -> None:
    fits = isinstance(value, str) and _NAME.fullmatch(name) and _VALUE.fullmatch(value)
    if fits and len(notes) < _MOST and name not in notes:
        notes[name] = value
    else:
        lost.append(member)
