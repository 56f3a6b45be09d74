"""What the models behind Converse take, as far as it differs from one vendor's to the next. Read from their names."""

import re
from typing import NamedTuple

# An application's own profile hides its model's name behind an id. It counts as Claude's: no other vendor's has as much
# to lose by being taken for another.
_CLAUDE = re.compile(r"anthropic|claude|application-inference-profile")
_NOVA = re.compile(r"amazon\.nova")
_GPT_OSS = re.compile(r"openai\.gpt-oss")


class Traits(NamedTuple):
    """What one vendor's models take.

    Attributes:
        claude: Whether they are Anthropic's, and take Anthropic's own parameters.
        cache_points: Whether they take cache points; they refuse the request otherwise.
        tool_cache_points: Whether they take them after tools as well.
        ttl: Whether a cache point may say for how long.
        strict_tools: Whether they can be held to a tool's schema.
        top_k: The two names that lead to `top_k` among their own parameters; None if there is none.
        effort: Which of their own parameters is the effort of thinking; None if there is none.
    """

    claude: bool = False
    cache_points: bool = False
    tool_cache_points: bool = False
    ttl: bool = False
    strict_tools: bool = False
    top_k: tuple[str, str] | None = None
    effort: str | None = None


def traits_of(name: str) -> Traits:
    """What the model of this name takes: an id, that of a profile, or an ARN."""
    if _CLAUDE.search(name):
        return Traits(claude=True, cache_points=True, tool_cache_points=True, ttl=True, strict_tools=True)
    if _NOVA.search(name):
        return Traits(cache_points=True, top_k=("inferenceConfig", "topK"))
    return Traits(effort="reasoning_effort") if _GPT_OSS.search(name) else Traits()
