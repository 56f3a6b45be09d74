"""Values for what a client leaves out, as a configuration writes them: in the words of OpenAI's chat."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

CHAT_MEMBERS = frozenset({
    "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "n", "seed", "presence_penalty",
    "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "parallel_tool_calls", "response_format",
    "reasoning_effort", "verbosity", "user", "metadata", "store", "prediction", "prompt_cache_key",
    "safety_identifier", "web_search_options",
})  # fmt: skip
"""Members of a chat request that are OpenAI's, and `top_k`, which many hosts add. What each dialect has under the same
name and means in its own way, as `tools` and `service_tier`, is not among them."""

Spelling = Callable[[Mapping[str, Any], str], str]
"""The name under which an object has a member, or would have it."""


def lay_under(said: Mapping[str, Any], place: Sequence[str], value: Any, spelling: Spelling) -> Mapping[str, Any]:
    """`said` with `value` at a place in it, unless there is something: the same object then.

    Args:
        place: The member, after the names of the objects that it stands in.
    """
    name = spelling(said, place[0])
    present = said.get(name)
    if len(place) == 1:
        return said if present is not None or value is None else {**said, name: value}
    within = {} if present is None else present
    if not isinstance(within, Mapping):
        return said
    laid = lay_under(within, place[1:], value, spelling)
    return said if laid is within else {**said, name: laid}


def as_list(value: Any) -> Any:
    """A text in a list, where OpenAI takes either."""
    return [value] if isinstance(value, str) else value
