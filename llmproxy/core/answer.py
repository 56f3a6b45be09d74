"""The neutral model of an answer, as far as it is text: what was said, and the steps in which it was said."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]
DEFAULT_REASON: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. None: it did not say.

    Attributes:
        input: The whole prompt, cached parts included.
        output: Everything generated, reasoning included.
        cached: The part of the input that was read from a cache.
        reasoning: The part of the output that was reasoning.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A part of an answer: plain text."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The answer begins."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A part begins; `index` counts the parts of the answer."""

    index: int
    part: Text


@dataclass(frozen=True, slots=True)
class Appended:
    """More of the part at `index`."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The part at `index` is whole."""

    index: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What the answer cost so far; a later one replaces it."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class End:
    """The answer is whole."""

    reason: FinishReason


Delta: TypeAlias = Start | Opened | Appended | Closed | Counted | End


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    parts: tuple[Text, ...]
    reason: FinishReason = DEFAULT_REASON
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(part.text for part in self.parts)

    @classmethod
    def collect(cls, deltas: Iterable[Delta]) -> "Answer":
        """What a stream of deltas said in all."""
        texts: dict[int, str] = {}
        usage, reason = Usage(), DEFAULT_REASON
        for delta in deltas:
            if isinstance(delta, Opened):
                texts[delta.index] = delta.part.text
            elif isinstance(delta, Appended):
                texts[delta.index] = texts.get(delta.index, "") + delta.text
            elif isinstance(delta, Counted):
                usage = delta.usage
            elif isinstance(delta, End):
                reason = delta.reason
        return cls(tuple(Text(text) for text in texts.values()), reason, usage)

    def play(self) -> Iterator[Delta]:
        """The steps of a stream that says this answer."""
        yield Start()
        for index, part in enumerate(self.parts):
            yield Opened(index, Text())
            yield Appended(index, part.text)
            yield Closed(index)
        yield Counted(self.usage)
        yield End(self.reason)
