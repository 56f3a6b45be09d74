"""What the rounds come to: medians, a table, and pass or miss for each goal."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

Figures = dict[str, float]  # by name, the unit in it


@dataclass
class Measurement:
    """What one scenario found out about one target in one round."""

    figures: Figures
    errors: Counter[str] = field(default_factory=Counter)


class Report:
    """The figures of every round, the errors, and the medians once all is measured."""

    def __init__(self) -> None:
        self.rounds: dict[str, dict[str, list[float]]] = {}
        self.errors: Counter[str] = Counter()

    def add(self, target: str, scenario: str, measurement: Measurement) -> None:
        figures = self.rounds.setdefault(target, {})
        for name, value in measurement.figures.items():
            if not math.isnan(value):
                figures.setdefault(name, []).append(value)
        for reason, count in measurement.errors.items():
            self.errors[f"{target}, {scenario}: {reason}"] += count

    def medians(self) -> dict[str, Figures]:
        """By target and name; what a target adds to the direct latency comes in here."""
        medians: dict[str, Figures] = {}
        for target, figures in self.rounds.items():
            medians[target] = {}
            for name, values in figures.items():
                medians[target][name] = statistics.median(values)
                direct = medians.get("direct", {}).get(name, math.nan)
                if name.startswith("latency p50") and target != "direct" and not math.isnan(direct):
                    medians[target][f"added {name}"] = medians[target][name] - direct
        return medians


@dataclass(frozen=True)
class Goal:
    """A bound for one of llmproxy's figures, a number or a multiple of the bare view's figure."""

    figure: str
    limit: float
    relative: bool = False
    at_least: bool = False

    def value(self, medians: dict[str, Figures]) -> float:
        if self.relative:
            return to_bare(medians, self.figure)
        return medians.get("llmproxy", {}).get(self.figure, math.nan)

    def verdict(self, medians: dict[str, Figures]) -> str:
        value = self.value(medians)
        if math.isnan(value):
            return "not measured"
        return "pass" if (value >= self.limit if self.at_least else value <= self.limit) else "MISS"

    def bound(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}{' x bare' if self.relative else ''}"


GOALS = (
    Goal("requests/s, 16 connections", 1.5, relative=True, at_least=True),
    Goal("added latency p50 ms, 1 connection", 0.7, relative=True),
    Goal("added latency p50 ms, 16 connections", 0.7, relative=True),
    Goal("first event p50 ms, 1 stream", 1, relative=True),
    Goal("first event p50 ms, 16 streams", 1, relative=True),
    Goal("first event p50 ms, 500 streams", 1, relative=True),
    Goal("delay per event p50 ms, 500 streams", 2),
    Goal("delay per event p99 ms, 500 streams", 100),
    Goal("RSS MB, 500 streams", 1.2, relative=True),
    Goal("start-up s", 1.5),
)


def table(medians: dict[str, Figures]) -> str:
    """One line per figure, one column per target, and llmproxy's figure as a multiple of the bare view's."""
    fullest_first = sorted(medians.values(), key=len, reverse=True)
    lines = [["", *medians, "llmproxy/bare"]]
    for name in dict.fromkeys(name for figures in fullest_first for name in figures):
        cells = [number(figures.get(name, math.nan)) for figures in medians.values()]
        lines.append([name, *cells, number(to_bare(medians, name))])
    first = max(len(line[0]) for line in lines)
    return "\n".join(f"{line[0]:{first}}" + "".join(f"{cell:>15}" for cell in line[1:]) for line in lines)


def verdicts(medians: dict[str, Figures], goals: Iterable[Goal] = GOALS) -> str:
    return "\n".join(
        f"{goal.verdict(medians):12}  {goal.figure}: {number(goal.value(medians))} (goal: {goal.bound()})"
        for goal in goals
    )


def to_bare(medians: dict[str, Figures], name: str) -> float:
    ours, bare = (medians.get(target, {}).get(name, math.nan) for target in ("llmproxy", "bare"))
    return ours / bare if bare else math.nan


def number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
