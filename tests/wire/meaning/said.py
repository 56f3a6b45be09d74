"""What an answer says, in words of the tests' own: nothing here knows the package."""

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """A tool that the model wants called; arguments that are no JSON stay the text they are."""

    name: str
    arguments: object


@dataclass(frozen=True)
class Said:
    """An answer.

    Attributes:
        spoken: What is said in a sound, where the provider wrote it down.
        thoughts: What was thought before, as far as it can be read.
        ids: Of the calls, in order; clients have forms of their own, so they are not compared.
        reason: Why it ended, in OpenAI's words; what an SDK reports is in its own.
        input, output: All tokens, those of the cache and of thoughts included.
    """

    text: str = ""
    refusal: str = ""
    spoken: str = ""
    calls: tuple[Call, ...] = ()
    reason: str = "stop"
    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    thoughts: str = ""
    ids: tuple[str | None, ...] = dataclasses.field(default=(), compare=False)


def as_text(said):
    """The same for a client with no words but text: a refusal's, and those that were spoken."""
    return dataclasses.replace(said, text=said.text + said.refusal + said.spoken, refusal="", spoken="")


def call(name, arguments):
    """A call; no arguments at all are an empty object."""
    if not isinstance(arguments, str):
        return Call(name, arguments or {})
    try:
        return Call(name, json.loads(arguments or "{}"))
    except ValueError:
        return Call(name, arguments)


def word(table, said, default="stop"):
    """A dialect's own word in OpenAI's, by a table of `{OpenAI's: (its own, ...)}`."""
    return next((meaning for meaning, words in table.items() if said in words), default)


def number(counts, *path):
    """A figure somewhere in an object; 0 where nobody says it."""
    for name in path:
        counts = (counts or {}).get(name)
    return counts or 0
