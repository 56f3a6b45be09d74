"""What a relay notices of an event as it passes."""

from typing import NamedTuple

from llmproxy.core.answer import Usage


class Signs(NamedTuple):
    """All that a relay needs to know of an event.

    Attributes:
        usage: What the answer cost so far.
        finished: The answer is whole, whatever may follow.
        terminal: Nothing follows.
        error: The provider reports a failure.
        hideable: Here only because we asked for usage; a client that did not ask need not see it.
        ping: It says nothing but that somebody is there.
    """

    usage: Usage | None = None
    finished: bool = False
    terminal: bool = False
    error: bool = False
    hideable: bool = False
    ping: bool = False


NOTHING = Signs()
"""The signs of nearly every event."""

ALIVE = Signs(ping=True)
"""The signs of an event that says nothing but that somebody is there."""
