"""The neutral model of an answer: what was said, and the steps in which it was said.

`Answer.collect` and `Answer.play` turn one form into the other, so that a provider that can only stream, or only not
stream, serves both kinds of client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeAlias

from llmproxy.core.chat import (
    Audio,
    Document,
    Extra,
    Image,
    Other,
    Refusal,
    Signature,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
)

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error"]
DEFAULT_REASON: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class Vector:
    """An embedding: the answer to one input, as numbers or in base64 (little-endian float32)."""

    values: tuple[float, ...] | str
    extra: Extra = field(default_factory=dict)


Said: TypeAlias = Text | Refusal | Thinking | ToolCall | Image | Audio | Document | Other | Vector
"""A part of an answer."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. None: it did not say.

    Attributes:
        input: The whole prompt, cached parts included.
        output: Everything generated, reasoning included.
        cached: The part of the input that was read from a cache.
        reasoning: The part of the output that was reasoning.
        cache_written: The part of the input that was put into a cache.
        input_audio, output_audio: The parts that were sound.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    cache_written: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Input and output together."""
        return (self.input or 0) + (self.output or 0)

    def over(self, earlier: Usage | None) -> Usage:
        """These figures, and the earlier ones where nothing is said here."""
        if earlier is None:
            return self
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(earlier, **{name: figure for name, figure in said.items() if figure is not None})


@dataclass(frozen=True, slots=True)
class Start:
    """The answer begins; `id` and `model` are the provider's own words, None if it has none."""

    id: str | None = None
    model: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A part begins. `index` counts the parts of its choice from 0; `part` is what is known of it so far."""

    index: int
    part: Said
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """More of the text of the part at `index`, or of the arguments of a call.

    Attributes:
        logprobs: How likely the tokens of this piece were, where the client asked for that.
    """

    index: int
    text: str
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """The signature of the part at `index`."""

    index: int
    signature: Signature
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    """The part at `index` is whole."""

    index: int
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What the answer cost so far: `usage`. A later one replaces it, and may come after the end."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Aside:
    """Something only one dialect has a word for: `value` is an event as that dialect writes it, or members of one."""

    dialect: str
    value: object


@dataclass(frozen=True, slots=True)
class End:
    """A choice is whole.

    Attributes:
        reason: Why it ended.
        stop_sequence: The client's text that ended it, if one did and the provider says so.
    """

    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None
    extra: Extra = field(default_factory=dict)


Delta: TypeAlias = Start | Opened | Appended | Signed | Closed | Counted | Aside | End
"""One step of a streamed answer. A failure is no step: it is raised where the next step would have come."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that were asked for; mostly there is one.

    Attributes:
        parts: What was said, in order.
        reason: Why it ended.
        stop_sequence: The client's text that ended it, if one did and the provider says so.
    """

    parts: tuple[Said, ...] = ()
    reason: FinishReason = DEFAULT_REASON
    stop_sequence: str | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that was said, thoughts excepted."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        choices: One for each answer that was asked for.
        usage: What it cost.
        id, model: The provider's own words; None if it has none.
        asides: What only one dialect has a word for, from its stream.
    """

    choices: tuple[Choice, ...]
    usage: Usage = field(default_factory=Usage)
    id: str | None = None
    model: str | None = None
    asides: tuple[Aside, ...] = ()
    extra: Extra = field(default_factory=dict)

    @classmethod
    def of(cls, *parts: Said | str, reason: FinishReason = DEFAULT_REASON, usage: Usage | None = None) -> Answer:
        """An answer of one choice; a string is a text."""
        said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
        return cls((Choice(said, reason),), usage or Usage())

    @property
    def parts(self) -> tuple[Said, ...]:
        """The parts of the first choice."""
        return self.choices[0].parts if self.choices else ()

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.choices[0].text if self.choices else ""

    @property
    def thinking(self) -> str:
        """The thoughts before the first choice."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the first choice asks for."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def reason(self) -> FinishReason:
        """Why the first choice ended."""
        return self.choices[0].reason if self.choices else DEFAULT_REASON

    @classmethod
    def collect(cls, deltas: Iterable[Delta]) -> Answer:
        """What a stream of deltas said in all."""
        collector = _Collector()
        for delta in deltas:
            collector.add(delta)
        return collector.answer()

    def play(self) -> Iterator[Delta]:
        """The steps of a stream that says this answer."""
        yield Start(self.id, self.model, self.extra)
        for number, choice in enumerate(self.choices):
            for index, part in enumerate(choice.parts):
                yield from _played(part, index, number)
        yield from self.asides
        yield Counted(self.usage)
        for number, choice in enumerate(self.choices):
            yield End(choice.reason, number, choice.stop_sequence, choice.extra)


def _played(part: Said, index: int, choice: int) -> Iterator[Delta]:
    """A part in its steps: what it is, its text if it has one, its signature."""
    opening, text = _opening(part)
    yield Opened(index, opening, choice)
    if text:
        yield Appended(index, text, choice, part.logprobs if isinstance(part, Text) else ())
    signature = part.signature if isinstance(part, (Text, Thinking)) else None
    if signature is not None:
        yield Signed(index, signature, choice)
    yield Closed(index, choice)


def _opening(part: Said) -> tuple[Said, str]:
    """The part as it begins, and the text that is appended to it."""
    if isinstance(part, Text):
        return replace(part, text="", signature=None, logprobs=()), part.text
    if isinstance(part, Thinking):
        return replace(part, text="", signature=None), part.text
    if isinstance(part, (Refusal, Other)):
        return replace(part, text=""), part.text
    if isinstance(part, ToolCall):
        return replace(part, arguments=""), part.arguments
    return part, ""


class _Growing:
    """A part of which there may be more to come."""

    __slots__ = ("logprobs", "part", "signature", "texts")

    def __init__(self, part: Said) -> None:
        self.part = part
        self.texts: list[str] = []
        self.logprobs: list[TokenLogprob] = []
        self.signature: Signature | None = None

    def whole(self) -> Said:
        part, text = self.part, "".join(self.texts)
        if isinstance(part, Text):
            logprobs = part.logprobs + tuple(self.logprobs)
            return replace(part, text=part.text + text, signature=self.signature or part.signature, logprobs=logprobs)
        if isinstance(part, Thinking):
            return replace(part, text=part.text + text, signature=self.signature or part.signature)
        if isinstance(part, (Refusal, Other)):
            return replace(part, text=part.text + text)
        if isinstance(part, ToolCall):
            arguments = part.arguments + text
            return replace(part, arguments=arguments, signature=self.signature or part.signature)
        return part


class _Collector:
    """An answer that is being put together."""

    def __init__(self) -> None:
        self._start = Start()
        self._parts: dict[tuple[int, int], _Growing] = {}
        self._ends: dict[int, End] = {}
        self._asides: list[Aside] = []
        self._usage = Usage()

    def add(self, delta: Delta) -> None:
        if isinstance(delta, Appended):
            growing = self._at(delta.choice, delta.index)
            growing.texts.append(delta.text)
            growing.logprobs += delta.logprobs
        elif isinstance(delta, Opened):
            self._parts[delta.choice, delta.index] = _Growing(delta.part)
        elif isinstance(delta, Signed):
            self._at(delta.choice, delta.index).signature = delta.signature
        elif isinstance(delta, Counted):
            self._usage = delta.usage
        elif isinstance(delta, End):
            self._ends[delta.choice] = delta
        elif isinstance(delta, Aside):
            self._asides.append(delta)
        elif isinstance(delta, Start):
            self._start = delta

    def answer(self) -> Answer:
        numbers = sorted({choice for choice, _ in self._parts} | set(self._ends)) or [0]
        choices = tuple(self._choice(number) for number in numbers)
        start = self._start
        return Answer(choices, self._usage, start.id, start.model, tuple(self._asides), start.extra)

    def _at(self, choice: int, index: int) -> _Growing:
        """A part; one that nobody opened is a text."""
        return self._parts.setdefault((choice, index), _Growing(Text()))

    def _choice(self, number: int) -> Choice:
        places = sorted(place for place in self._parts if place[0] == number)
        parts = tuple(self._parts[place].whole() for place in places)
        end = self._ends.get(number, End(DEFAULT_REASON))
        return Choice(parts, end.reason, end.stop_sequence, end.extra)
