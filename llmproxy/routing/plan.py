"""How a `[model.*]` uses its targets."""

from dataclasses import dataclass, field

from llmproxy.core.errors import LLMProxyError
from llmproxy.routing.policies import FallbackPolicy, Policy
from llmproxy.routing.target import Target


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides which target is asked first, and after which failures another one is.

    Attributes:
        on_ambiguous: Whether another target is asked although the work may have been done, and be paid for twice.
        longer_context: Whom to ask when the prompt is too long. None: nobody.
    """

    policy: Policy = field(default_factory=FallbackPolicy)
    on_ambiguous: bool = False
    longer_context: Target | None = None

    def continues_after(self, error: LLMProxyError) -> bool:
        """Whether the next target may be asked after `error`."""
        return error.elsewhere == "safe" or (error.elsewhere == "ambiguous" and self.on_ambiguous)
