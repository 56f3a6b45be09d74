"""What a generator yields, put in order: as the steps of an answer that any dialect can write."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

from llmproxy.core.answer import Appended, Closed, Delta, End, FinishReason, Opened, Said, Signed, Start
from llmproxy.core.chat import Other, Refusal, Text, Thinking, ToolCall
from llmproxy.core.shape import check
from llmproxy.dialects.borders import Borders

_DELTAS = get_args(Delta)
_TEXT = "text"


class Speech:
    """One answer on its way, which says what its generator leaves out: the beginning, where a part begins and ends,
    why it ended.

    Texts that follow each other are one part. The indices that a generator gives its parts are names of its own: here
    the parts of a choice are counted as they begin.

    Attributes:
        started: Whether anything was said.
    """

    def __init__(self) -> None:
        self.started = False
        self._choices: dict[int, _Choice] = {}

    def deltas(self, said: Delta | str) -> Iterator[Delta]:
        """The steps that what was yielded stands for.

        Raises:
            TypeError: It is neither a text nor a delta.
        """
        if not isinstance(said, (str, *_DELTAS)):
            raise TypeError(f"chat yields texts and deltas, not {type(said).__name__}")
        if not self.started and not isinstance(said, Start):
            yield Start()
        self.started = True
        if isinstance(said, str):
            yield from self._choice(0).append(_TEXT, said)
            return
        check(said)
        if isinstance(said, (Opened, Appended, Signed, Closed, End)):
            yield from self._choice(said.choice).deltas(said)
        else:
            yield said

    def ending(self) -> Iterator[Delta]:
        """What is left to say when the generator has come to its end."""
        if not self.started:
            yield Start()
        self._choice(0)
        for choice in self._choices.values():
            yield from choice.end()

    def _choice(self, number: int) -> "_Choice":
        return self._choices.setdefault(number, _Choice(number))


class _Choice:
    """One of the answers that are asked for; mostly there is one."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._borders = Borders(number)
        self._parts: dict[int | str, Said] = {}
        self._reason: FinishReason = "stop"
        self._ended = False

    def append(self, key: int | str, text: str, **members: Any) -> Iterator[Delta]:
        if not self._ended:
            yield from self._borders.append(key, self._part(key), text, **members)

    def deltas(self, said: Opened | Appended | Signed | Closed | End) -> Iterator[Delta]:
        """The steps that a delta stands for; after the end nothing counts (RELIABILITY D9)."""
        if self._ended:
            return
        if isinstance(said, End):
            yield from self.end(said)
        elif isinstance(said, Appended):
            yield from self.append(said.index, said.text, logprobs=said.logprobs)
        elif isinstance(said, Signed):
            yield from self._borders.sign(said.index, self._part(said.index), said.signature)
        elif isinstance(said, Closed):
            yield from self._borders.close(said.index)
        else:
            self._parts[said.index] = _emptied(said.part)
            self._reason = "tool_calls" if isinstance(said.part, ToolCall) else self._reason
            yield from self._borders.close(said.index)
            yield from self._borders.open(said.index, said.part)

    def end(self, said: End | None = None) -> Iterator[Delta]:
        """The end, with the reason that such an answer has where nobody has given one."""
        if not self._ended:
            yield from self._borders.close_all()
            yield said or End(self._reason, self._number)
        self._ended = True

    def _part(self, key: int | str) -> Said:
        """What a part is that goes on after another has begun; one that nobody has opened is a text."""
        return self._parts.get(key, Text())


def _emptied(part: Said) -> Said:
    """The part as it begins."""
    if isinstance(part, ToolCall):
        return replace(part, arguments="")
    return replace(part, text="") if isinstance(part, (Text, Refusal, Thinking, Other)) else part
