"""What a fault is made of: a script of steps, and what the script knows of the request it answers."""

import inspect
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NamedTuple

from llmproxy.testing.words import Words

Stage = Literal["listen", "connect", "head", "request"]
"""When a fault strikes: in the place of listening, of the first byte, of the body's first byte, or of the answer."""


class Wait(NamedTuple):
    """Nothing for so many seconds, or until the client leaves."""

    seconds: float


class End(Enum):
    """How a connection ends. A script without one leaves it open for the next request."""

    CLOSE = "close"
    RESET = "reset"
    HOLD = "wait until the client closes it"
    DRAIN = "say that nothing more comes, and read until the client closes it"


CLOSE, RESET, HOLD, DRAIN = End.CLOSE, End.RESET, End.HOLD, End.DRAIN

Step = bytes | Wait | End
"""Bytes are sent as they are, in one piece."""


@dataclass(eq=False)
class Exchange:
    """One request, as the upstream saw it. Times are seconds of the monotonic clock.

    Attributes:
        method, path: As they stood in the request line, a path's `/@fault` taken off.
        headers: By lower-case name.
        body: Empty where the fault does not read it.
        connection: The number of the connection it came on, counted from 1.
        fault: The name of the fault that was its answer.
        arrived: When it had been read as far as the fault reads.
        sent: How many bytes of the answer the client's side has taken.
        ended: When the answer ended. None: it still goes on.
        left: When the client was seen to have closed the connection before that. None: it did not.
    """

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    connection: int
    body: bytes = field(default=b"", repr=False)
    fault: str = ""
    arrived: float = field(default_factory=time.monotonic)
    sent: int = 0
    ended: float | None = None
    left: float | None = None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a script knows.

    Attributes:
        words: What is said where nothing is wrong.
        request: What is answered; None for what strikes before.
        nth: How many requests the connection has brought, this one included.
    """

    words: Words
    request: Exchange | None = None
    nth: int = 0

    @property
    def streaming(self) -> bool:
        """Whether the request asks for a stream."""
        if self.request is None:
            return False
        try:
            body = self.request.json()
        except ValueError:
            body = None
        return self.words.streams(self.request.path, body)


Script = Callable[..., Iterable[Step]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that an upstream does.

    Attributes:
        name: What it is played by.
        row: The row of the fault matrix it plays; "ok" for none.
        sentence: What it does.
        script: Called with a `Scene` and the fault's options.
        at: When it strikes.
    """

    name: str
    row: str
    sentence: str
    script: Script
    at: Stage = "request"

    @property
    def options(self) -> dict[str, Any]:
        """Its options and what they are if nobody says."""
        return {name: each.default for name, each in [*inspect.signature(self.script).parameters.items()][1:]}

    def bind(self, **options: Any) -> Callable[[Scene], Iterable[Step]]:
        """The script with these options.

        Raises:
            ValueError: One of them is none of its options.
        """
        unknown = [name for name in options if name not in self.options]
        if unknown:
            raise ValueError(f"{self.name} has no option {unknown[0]!r}; it has: {', '.join(self.options) or 'none'}")
        return lambda scene: self.script(scene, **options)


class Faults(dict[str, Fault]):
    """Faults by name."""

    def add(self, row: str, at: Stage = "request") -> Callable[[Script], Script]:
        """Makes a fault of the function below: its name, and the first line of its docstring as the sentence."""

        def register(script: Script) -> Script:
            name = script.__name__
            self[name] = Fault(name, row, (script.__doc__ or "").partition("\n")[0], script, at)
            return script

        return register

    def fixed(self, row: str, name: str, sentence: str, script: Script) -> None:
        """Adds a fault without options, for tables of those that differ in their bytes alone."""
        self[name] = Fault(name, row, sentence, script)

    def find(self, name: str) -> Fault:
        """The fault of this name.

        Raises:
            ValueError: There is none; it says which there are.
        """
        if name not in self:
            raise ValueError(f"there is no fault {name!r}; there are: {', '.join(sorted(self))}")
        return self[name]


def steps_of(script: Callable[[Scene], Iterable[Step]], scene: Scene) -> Iterator[Step]:
    """The steps of a script; those that come after an `End` do not count."""
    for step in script(scene):
        yield step
        if isinstance(step, End):
            return
