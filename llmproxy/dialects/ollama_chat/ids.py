"""Ids of calls, and the signatures that travel in them.

Nothing else in Ollama's dialect comes back unread with the next turn. Clients that build their own messages, as its
Python SDK does, leave the id out: to them a signature is lost.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from llmproxy.core.chat import Signature, Thinking

_MARK = "#llmproxy?"


class SignedThought(NamedTuple):
    """A thought without its text.

    Attributes:
        length: Of its text, which stands in the message's `thinking` behind that of those before it.
    """

    length: int
    thought: Thinking


class CallId(NamedTuple):
    """What the id of a call says.

    Attributes:
        id: The provider's own.
        signature: The call's.
        thoughts: What was thought before it.
    """

    id: str | None
    signature: Signature | None = None
    thoughts: tuple[SignedThought, ...] = ()


def write_id(id: str, signature: Signature | None, thoughts: Iterable[Thinking]) -> str:
    """The id of a call that was made after these thoughts; longer than its own where any of them is signed."""
    thoughts = list(thoughts)
    carried = [*_carried_thoughts(thoughts)] if any(each.signature or each.redacted for each in thoughts) else []
    if signature:
        carried.append(("call", f"{signature.maker}.{signature.value}"))
    return f"{id}{_MARK}{urlencode(carried)}" if carried else id


def _carried_thoughts(thoughts: Iterable[Thinking]) -> Iterator[tuple[str, str]]:
    for thought in thoughts:
        kind, signature = ("redacted", thought.redacted) if thought.redacted else ("thought", thought.signature)
        yield kind, f"{len(thought.text)}." + (f"{signature.maker}.{signature.value}" if signature else "")


def read_id(said: Any) -> CallId:
    """What `write_id` wrote; any other id is just that.

    Raises:
        TypeError, ValueError: It is no id, or not one of ours in spite of its mark.
    """
    if said is None:
        return CallId(None)
    id, mark, rest = said.partition(_MARK)
    signature, thoughts = None, []
    for kind, value in parse_qsl(rest, strict_parsing=bool(mark)):
        if kind == "call":
            signature = _signature(value)
        else:
            length, _, signed = value.partition(".")
            thoughts.append(SignedThought(int(length), _thought(kind, _signature(signed) if signed else None)))
    return CallId(id, signature, tuple(thoughts))


def _thought(kind: str, signature: Signature | None) -> Thinking:
    return Thinking(redacted=signature) if kind == "redacted" else Thinking(signature=signature)


def _signature(text: str) -> Signature:
    maker, _, value = text.partition(".")
    return Signature(value, maker)


def with_texts(thoughts: Iterable[SignedThought], text: str) -> tuple[list[Thinking], str]:
    """The thoughts with their texts, and what is left of the text."""
    whole = []
    for length, thought in thoughts:
        whole.append(replace(thought, text=text[:length]))
        text = text[length:]
    return whole, text
