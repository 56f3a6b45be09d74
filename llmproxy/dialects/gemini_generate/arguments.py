"""Arguments of a call that come in pieces, each with the path of its place, as Vertex streams them.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from llmproxy.core.sse import dumps

Step: TypeAlias = str | int
"""The name of a member, or the number of an item."""

# .name, [0], ['name'] or ["name"] (RFC 9535)
_STEP = re.compile(r"""\.([^.\[]+)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]""")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(slots=True)
class _Container:
    """An object or a list that is not closed yet.

    Attributes:
        step: Where it stands in the one around it.
        filled: Whether there is anything in it.
    """

    step: Step | None
    closing: str
    filled: bool = False


class Arguments:
    """Makes the JSON text of a call's arguments out of their pieces: after each, as much of it as can be said.

    The pieces come in the order of the text, since a model writes one place after the other.
    """

    def __init__(self) -> None:
        self._open: list[_Container] = []
        self._path: Sequence[Step] | None = None  # of the text that goes on

    def add(self, piece: Mapping[str, Any]) -> str:
        """What a piece adds to the text."""
        path = _steps(piece.get("jsonPath") or "")
        if not path:
            return ""
        text = "" if path == self._path else "".join([self._end_text(), *self._go_to(path), _beginning(piece)])
        if "numberValue" in piece or "boolValue" in piece or "nullValue" in piece:
            return text
        self._path = path
        text += _inner(piece.get("stringValue") or "")
        return text if piece.get("willContinue") else text + self._end_text()

    def finish(self) -> str:
        """What is left of the text when the call is whole."""
        if not self._open:
            return "{}"
        return self._end_text() + "".join(self._close(0))

    def _end_text(self) -> str:
        ended, self._path = self._path, None
        return '"' if ended is not None else ""

    def _go_to(self, path: Sequence[Step]) -> Iterator[str]:
        """Closes what `path` leaves, opens what it enters, and names its place."""
        if not self._open:
            self._open.append(_Container(None, "}"))
            yield "{"
        common = 0
        while common < len(path) - 1 and common + 1 < len(self._open) and self._open[common + 1].step == path[common]:
            common += 1
        yield from self._close(common + 1)
        for step, inner in zip(path[common:-1], path[common + 1 :], strict=True):
            yield self._place(step)
            yield "{" if isinstance(inner, str) else "["
            self._open.append(_Container(step, "}" if isinstance(inner, str) else "]"))
        yield self._place(path[-1])

    def _close(self, depth: int) -> Iterator[str]:
        while len(self._open) > depth:
            yield self._open.pop().closing

    def _place(self, step: Step) -> str:
        """The beginning of a further member or item."""
        container = self._open[-1]
        comma = "," if container.filled else ""
        container.filled = True
        return f"{comma}{dumps(step)}:" if isinstance(step, str) else comma


def _steps(path: str) -> list[Step]:
    """The steps of a JSON path below its root."""
    steps: list[Step] = []
    for name, number, *quoted in _STEP.findall(path):
        if number:
            steps.append(int(number))
        else:
            steps.append(name or _ESCAPED.sub(r"\1", "".join(quoted)))
    return steps


def _beginning(piece: Mapping[str, Any]) -> str:
    """A value that comes at once, or the quotation mark that opens a text."""
    if "numberValue" in piece:
        number = piece["numberValue"]
        return dumps(int(number) if isinstance(number, float) and number.is_integer() else number)
    if "boolValue" in piece:
        return dumps(piece["boolValue"])
    return "null" if "nullValue" in piece else '"'


def _inner(text: str) -> str:
    """A text as it stands between quotation marks."""
    return dumps(text)[1:-1]
