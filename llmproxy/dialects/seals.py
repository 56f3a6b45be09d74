"""What a provider wants back with a thought, for dialects with a single place for it.

A signature and redacted thoughts would look alike there, and the one is refused where the other should stand. So
redacted thoughts of another maker than the place's own say that they are redacted.
"""

from llmproxy.core.chat import Signature, Thinking

_REDACTED = "redacted"


def sealed(thought: Thinking, native: str) -> str | None:
    """What stands in the place of `native`'s own; None if there is nothing to bring back."""
    redacted = thought.redacted
    if redacted is not None and redacted.maker != native:
        return Signature(f"{redacted.maker}.{redacted.value}", _REDACTED).carried(native)
    signature = redacted or thought.signature
    return signature.carried(native) if signature else None


def unsealed(text: str, native: str) -> tuple[Signature | None, Signature | None]:
    """The signature, or the redacted thoughts, that `sealed` wrote; what is `native`'s own is a signature."""
    signature = Signature.uncarried(text, native)
    if signature.maker != _REDACTED:
        return signature, None
    maker, _, value = signature.value.partition(".")
    return None, Signature(value, maker)
