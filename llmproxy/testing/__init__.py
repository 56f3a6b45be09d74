"""What plug-in authors and our own tests use: an upstream that goes wrong on purpose. Needs no test framework."""

from llmproxy.testing.faults import FAULTS
from llmproxy.testing.script import CLOSE, DRAIN, HOLD, RESET, Exchange, Fault, Scene, Wait
from llmproxy.testing.upstream import FaultUpstream
from llmproxy.testing.words import OPENAI_CHAT, Words

__all__ = [
    "CLOSE",
    "DRAIN",
    "FAULTS",
    "HOLD",
    "OPENAI_CHAT",
    "RESET",
    "Exchange",
    "Fault",
    "FaultUpstream",
    "Scene",
    "Wait",
    "Words",
]
