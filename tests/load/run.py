"""Measures the upstream itself, the bare view and llmproxy side by side, in interleaved rounds.

    python tests/load/run.py
    python tests/load/run.py --targets direct,bare --scenarios whole16,streams500 --rounds 1

Prints the medians of all rounds, then pass or miss for every goal. Only ratios within one run mean something.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from itertools import product
from pathlib import Path

from client import Result, ask_repeatedly, open_streams, percentile
from report import GOALS, Figures, Measurement, Report, table, verdicts
from targets import NAMES, DoesNotStart, Fleet, Memory, Server
from upstream import Script


def start_up(fleet: Fleet, target: Server, _seconds: float) -> Measurement:
    """From the spawn of one more of the kind to its first answer; the direct one has nothing to start."""
    if target is fleet.upstream:
        return Measurement({})
    another = fleet.start(target.name)
    another.stop()
    return Measurement({"start-up s": another.start_secs})


def whole_answers(connections: int, fleet: Fleet, target: Server, seconds: float) -> Measurement:
    """Requests one after the other on each of so many connections."""
    at = f", {plural(connections, 'connection')}"
    warmup_secs = 0.5 if connections < 100 else 2
    ask = partial(ask_repeatedly, target.port, connections, seconds, warmup_secs=warmup_secs)
    result, cpu = with_cpu(fleet, target, ask)
    latencies = result.latencies()
    figures = {"requests/s": len(latencies) / seconds} | percentiles("latency", latencies) | cpu
    return Measurement({name + at: value for name, value in figures.items()}, result.errors)


def some_streams(streams: int, script: Script, _fleet: Fleet, target: Server, seconds: float) -> Measurement:
    """Streams one after the other on each of so many connections."""
    at = f", {plural(streams, 'stream')}"
    result = ask_repeatedly(target.port, streams, seconds, script)
    return Measurement({name + at: value for name, value in stream_figures(result).items()}, result.errors)


def many_streams(streams: int, script: Script, fleet: Fleet, target: Server, _seconds: float) -> Measurement:
    """Streams that are all open at the same time. The memory is read once they are, a pause of some 10 ms."""
    at = f", {plural(streams, 'stream')}"
    memory: list[Memory] = []
    read_memory = None if target is fleet.upstream else lambda: memory.append(target.memory())
    listen = partial(open_streams, target.port, streams, script, spread_secs=2, when_open=read_memory)
    result, cpu = with_cpu(fleet, target, listen)
    figures = stream_figures(result) | cpu
    for rss, pss in memory:
        figures |= {"RSS MB": rss, "PSS MB": math.nan if pss is None else pss}
    return Measurement({name + at: value for name, value in figures.items()}, result.errors)


SCENARIOS: dict[str, Callable[[Fleet, Server, float], Measurement]] = {
    "start": start_up,
    "whole1": partial(whole_answers, 1),
    "whole16": partial(whole_answers, 16),
    "whole500": partial(whole_answers, 500),
    "streams1": partial(some_streams, 1, Script(events=10, gap_ms=10)),
    "streams16": partial(some_streams, 16, Script(events=20, gap_ms=20)),
    "streams500": partial(many_streams, 500, Script(events=40, gap_ms=100)),
}


def with_cpu(fleet: Fleet, target: Server, load: Callable[[], Result]) -> tuple[Result, Figures]:
    """Runs the load, and says how much of a CPU each side took meanwhile."""
    began, upstream_cpu, target_cpu = time.monotonic(), fleet.upstream.cpu_secs(), target.cpu_secs()
    result = load()
    percent = 100 / (time.monotonic() - began)
    figures = {
        "load generator CPU %": 100 * result.cpu_share,
        "upstream CPU %": percent * (fleet.upstream.cpu_secs() - upstream_cpu),
    }
    if target is not fleet.upstream:
        figures["target CPU %"] = percent * (target.cpu_secs() - target_cpu)
    return result, figures


def stream_figures(result: Result) -> Figures:
    return percentiles("first event", result.first_events()) | percentiles("delay per event", result.delays())


def percentiles(what: str, nanoseconds: list[int]) -> Figures:
    return {f"{what} p{percent} ms": percentile(nanoseconds, percent) for percent in (50, 99)}


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def prove_errors_count(upstream: Server) -> None:
    """A stream that is cut must be an error, or no figure could be believed."""
    result = open_streams(upstream.port, 1, Script(events=5, gap_ms=1, cut=3), spread_secs=0)
    if result.exchanges or result.errors != {"cut": 1}:
        raise SystemExit(f"the load generator took a cut stream for a whole one: {result}")


def main() -> int:
    options = parse_options()
    report = Report()
    failures = 0
    with Fleet(options.threads, options.pinned, options.worker_class) as fleet:
        prove_errors_count(fleet.upstream)
        targets = []
        for name in options.targets:
            try:
                targets.append(fleet.start(name))
            except DoesNotStart as error:
                failures += 1
                print(f"DOES NOT START: {error}\n", file=sys.stderr)
        for turn, scenario, target in product(range(options.rounds), options.scenarios, targets):
            print(f"round {turn + 1}/{options.rounds}  {scenario:10}  {target.name}", file=sys.stderr)
            report.add(target.name, scenario, SCENARIOS[scenario](fleet, target, options.seconds))
        for target in targets:
            if any(error.startswith(f"{target.name},") for error in report.errors):
                print(f"\nlast lines of {target.name}'s log:\n{target.log_tail()}", file=sys.stderr)
    medians = report.medians()
    cpus = "a CPU for the target and one for the load" if fleet.is_pinned else "not pinned to CPUs"
    print(f"\nmedians of {plural(options.rounds, 'round')}, 1 worker of {options.threads} threads, {cpus}\n")
    print(f"{table(medians)}\n\n{verdicts(medians)}")
    print("\nerrors: " + ("; ".join(f"{count} x {what}" for what, count in report.errors.items()) or "none"))
    if options.json:
        goals = [{"figure": goal.figure, "bound": goal.bound(), "verdict": goal.verdict(medians)} for goal in GOALS]
        content = {"medians": medians, "rounds": report.rounds, "errors": report.errors, "goals": goals}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    return 1 if failures or report.errors else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures llmproxy beside a bare view and the upstream itself.")
    parser.add_argument("--targets", type=names_of(NAMES), default=list(NAMES), help=f"default: {','.join(NAMES)}")
    parser.add_argument(
        "--scenarios", type=names_of(SCENARIOS), default=list(SCENARIOS), help=f"default: {','.join(SCENARIOS)}"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each closed loop in each round, default: 3")
    parser.add_argument("--threads", type=int, default=550, help="of the gunicorn worker, default: 550")
    parser.add_argument("--worker-class", help="for gunicorn's command line, default: as configured")
    parser.add_argument("--not-pinned", dest="pinned", action="store_false", help="leave CPUs to the scheduler")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    return parser.parse_args()


def names_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """A comma-separated list of known names, brought into their own order."""

    def parse(text: str) -> list[str]:
        wanted = text.split(",")
        unknown = set(wanted) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
        return [name for name in known if name in wanted]

    return parse


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
