"""In which order the targets of a model are tried. A policy is found by name, entry point or `"module:Class"`."""

import random as randomness
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmproxy.core.registry import Registry
from llmproxy.routing.load import Load
from llmproxy.routing.target import Target


class Candidate(NamedTuple):
    """A target, and how it is doing."""

    target: Target
    load: Load


class Policy(ABC):
    """Says which target comes first. There is one for each `[model.*]`, shared by all threads.

    Args:
        random: Numbers from 0 up to 1.
    """

    def __init__(self, random: Callable[[], float] = randomness.random) -> None:
        self.random = random

    @abstractmethod
    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """The candidates, at least two, in the order in which they are tried. Called once for each request."""


class FallbackPolicy(Policy):
    """The first one, as long as it answers."""

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return candidates


class RoundRobinPolicy(Policy):
    """One after the other."""

    def __init__(self, random: Callable[[], float] = randomness.random) -> None:
        super().__init__(random)
        self._next = 0
        self._lock = threading.Lock()

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        with self._lock:
            first = self._next % len(candidates)
            self._next = first + 1
        return [*candidates[first:], *candidates[:first]]


class WeightedPolicy(Policy):
    """Each as often as its weight says; so are those that come after a failure."""

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        left, ordered = list(candidates), []
        while left:
            ordered.append(left.pop(self._drawn(left)))
        return ordered

    def _drawn(self, candidates: Sequence[Candidate]) -> int:
        """The place of one of them, drawn by weight."""
        mark = self.random() * sum(candidate.target.weight for candidate in candidates)
        for place, candidate in enumerate(candidates):
            mark -= candidate.target.weight
            if mark < 0:
                return place
        return len(candidates) - 1


class LeastBusyPolicy(RoundRobinPolicy):
    """The one with the fewest requests in flight; among equals, one after the other."""

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        return sorted(super().order(candidates), key=lambda candidate: candidate.load.in_flight)


class FastestPolicy(Policy):
    """Of two that are drawn, the one whose first events come sooner. One that was never asked counts as fast.

    To send all to the one that is fastest now would make it slow (the power of two choices).
    """

    def order(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        ranked = sorted(candidates, key=lambda candidate: candidate.load.first_event_secs())
        count = len(ranked)
        one = int(self.random() * count)
        other = (one + 1 + int(self.random() * (count - 1))) % count
        first = ranked.pop(min(one, other))
        return [first, *ranked]


POLICIES: Registry[Policy] = Registry(
    "policy",
    Policy,  # type: ignore[type-abstract]  # the base of what is looked up, never made
    "llmproxy.policies",
    {
        "fallback": FallbackPolicy,
        "round_robin": RoundRobinPolicy,
        "weighted": WeightedPolicy,
        "least_busy": LeastBusyPolicy,
        "fastest": FastestPolicy,
    },
)
