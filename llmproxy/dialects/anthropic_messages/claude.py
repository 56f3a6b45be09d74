"""What Claude models take, as far as it differs from one to the next.

Read from their names, so that a model of next month is treated as its elders were. Sources: the vendor's pages on
thinking, effort and each model (https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting,
https://platform.claude.com/docs/en/build-with-claude/effort) and recorded answers.
"""

import re
from typing import Literal, NamedTuple

# claude-3-7-sonnet-20250219, claude-opus-4-6, anthropic.claude-opus-4-6-v1, claude-4.6-opus: a date is no version.
_NAME = re.compile(r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)")
_ALWAYS_THINKING = ("fable", "mythos")
_ADAPTIVE_PREVIEW = "claude-mythos-preview"

_EFFORTS = ("low", "medium", "high", "max")
_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_FIRST_EFFORTS = ("low", "medium", "high")


class Model(NamedTuple):
    """What one model takes.

    Attributes:
        adaptive: Whether it may be left to the model how much it thinks, guided by an effort.
        budget: Whether thinking may be given a budget of tokens.
        efforts: The efforts it knows; empty if it knows none.
        sampling: Whether temperature and top_p may be given together, one of them, or neither; top_k goes with them.
        off: The type of thinking that is none; None where it cannot be switched off.
        forced_tools: Whether it can be made to call a tool at all.
    """

    adaptive: bool = False
    budget: bool = True
    efforts: tuple[str, ...] = ()
    sampling: Literal["both", "one", "none"] = "both"
    off: str | None = "disabled"
    forced_tools: bool = True


def model_of(name: str) -> Model:
    """What the model of this name takes; one whose version the name does not say counts as an old one."""
    found = _NAME.search(name)
    if found is None:
        return _ADAPTIVE if _ADAPTIVE_PREVIEW in name else Model()
    family, version = found["family"], (int(found["major"]), int(found["minor"] or 0))
    if version < (4, 1):
        return Model()
    if version < (4, 6):
        return Model(sampling="one", efforts=_FIRST_EFFORTS if version == (4, 5) and family == "opus" else ())
    if version < (4, 7):
        return Model(sampling="one", adaptive=True, efforts=_EFFORTS)
    if family in _ALWAYS_THINKING or (family == "opus" and version >= (5, 5)):
        return _ADAPTIVE
    if family == "sonnet" and version >= (5, 5):
        return _ADAPTIVE._replace(off="between_tools")
    return _ADAPTIVE._replace(off="disabled", forced_tools=True)


_ADAPTIVE = Model(adaptive=True, budget=False, efforts=_ALL_EFFORTS, sampling="none", off=None, forced_tools=False)
