"""What a client asks, in words that every vendor's SDK is told in its own."""

from dataclasses import dataclass

from wire.meaning.said import Said

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


# What is said next where an answer called no tools.
GO_ON = "And then?"


@dataclass(frozen=True)
class Tool:
    """A function, with a JSON schema of its arguments."""

    name: str
    description: str
    parameters: dict


@dataclass(frozen=True)
class Heard:
    """An answer as an SDK reports it.

    Attributes:
        said: Its meaning; the reason is in the SDK's own word.
        turn: What a user of the SDK appends to the conversation for it.
    """

    said: Said
    turn: list


@dataclass(frozen=True)
class Question:
    """A conversation to go on with.

    Attributes:
        image: A PNG in base64, shown after the text.
        turns: Earlier answers, each with what its calls gave: `(heard, [text for each call])`.
    """

    model: str
    text: str = "hello"
    system: str | None = None
    image: str | None = None
    tools: tuple[Tool, ...] = ()
    turns: tuple[tuple[Heard, list[str]], ...] = ()
