"""A policy that says which target of a model is tried first."""

from collections.abc import Sequence

from llmproxy.routing.policies import Candidate, Policy


class HeaviestPolicy(Policy):
    """The target with the largest `weight` first, the others in reserve."""

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return sorted(candidates, key=lambda candidate: -candidate.target.weight)
