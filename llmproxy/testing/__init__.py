"""What plug-in authors and our own tests use: an upstream that goes wrong on purpose, and the contract that every
provider keeps. Only `ProviderContract`, which is imported when it is first asked for, needs pytest."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from llmproxy.testing.faults import FAULTS
from llmproxy.testing.script import CLOSE, DRAIN, HOLD, RESET, Exchange, Fault, Scene, Wait
from llmproxy.testing.upstream import FaultUpstream
from llmproxy.testing.words import OPENAI_CHAT, WORDS, Words

if TYPE_CHECKING:
    from llmproxy.testing.provider_contract import ProviderContract

__all__ = [
    "CLOSE",
    "DRAIN",
    "FAULTS",
    "HOLD",
    "OPENAI_CHAT",
    "RESET",
    "WORDS",
    "Exchange",
    "Fault",
    "FaultUpstream",
    "ProviderContract",
    "Scene",
    "Wait",
    "Words",
]


def __getattr__(name: str) -> Any:
    if name != "ProviderContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("llmproxy.testing.provider_contract").ProviderContract
