"""A thousand streams at a time through one CPU: errors, first events, delays, health checks meanwhile, and memory.

    python tests/load/streams.py
    python tests/load/streams.py --streams 200 --seconds 5

First the upstream by itself, which says what the measuring costs, then llmproxy. A process beside the load generator
asks for `/livez` all the time, on a connection of its own, and looks at the memory once a second.
"""

import argparse
import math
import multiprocessing
import sys
import time
from collections import Counter
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple, Self

from client import Result, open_streams, percentile
from report import Goal, Measurement, Report, table, verdicts
from run import percentiles, prove_errors_count, stream_figures, with_cpu
from targets import DoesNotStart, Fleet, Memory, Server, is_alive
from upstream import Script

GAP_MS = 100
HEALTH_SECS, MEMORY_SECS = 0.05, 1.0

GOALS = (
    Goal("errors", 0),
    Goal("first event p99 ms", 1000),
    Goal("delay per event p50 ms", 2),
    Goal("delay per event p99 ms", 150),
    Goal("health max ms", 100),
    Goal("RSS KB for a stream", 100),
    Goal("PSS KB for a stream", 100),
)


class Watch:
    """Looks at a target while it is busy, from a process of its own, so that nobody's interpreter is in the way."""

    def __init__(self, target: Server) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=look, args=(target, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def found(self) -> "Seen":
        """What it has seen; it looks no longer."""
        self._ours.send("enough")
        seen: Seen = self._ours.recv()
        return seen


class Seen(NamedTuple):
    """What each health check took, in nanoseconds, how many failed, and the most memory that was used."""

    latencies: list[int]
    failed: int
    most: Memory


def look(target: Server, report_to: Connection) -> None:
    latencies: list[int] = []
    failed, most, memory_at = 0, target.memory(), 0.0
    while not report_to.poll(HEALTH_SECS):
        began = time.monotonic_ns()
        failed += not is_alive(target.port)
        latencies.append(time.monotonic_ns() - began)
        if time.monotonic() >= memory_at:
            memory_at = time.monotonic() + MEMORY_SECS
            most = more(most, target.memory())
    report_to.send(Seen(latencies, failed, most))


def more(one: Memory, other: Memory) -> Memory:
    return Memory(max(one.rss, other.rss), None if one.pss is None or other.pss is None else max(one.pss, other.pss))


def measure(fleet: Fleet, target: Server, streams: int, script: Script, spread_secs: float) -> Measurement:
    """Opens all of them within some seconds, and listens until the last one ends."""
    warm_up(target)
    idle = target.memory()
    with Watch(target) as watch:
        result, cpu = with_cpu(fleet, target, partial(open_streams, target.port, streams, script, spread_secs))
        latencies, failed, most = watch.found()
    errors = result.errors + Counter({"/livez did not answer": failed})
    figures = {"errors": float(errors.total()), "streams": len(result.exchanges)} | stream_figures(result)
    figures |= percentiles("health", latencies) | {"health max ms": percentile(latencies, 100)}
    if target is not fleet.upstream:
        pss = (most.pss or math.nan) - (idle.pss or math.nan)
        figures |= {"RSS MB, idle": idle.rss, "RSS MB, most": most.rss}
        figures |= {"RSS KB for a stream": (most.rss - idle.rss) * 1024 / streams}
        figures |= {"PSS KB for a stream": pss * 1024 / streams}
    return Measurement(figures | cpu, errors)


def warm_up(target: Server) -> None:
    result: Result = open_streams(target.port, 1, Script(events=5, gap_ms=1), spread_secs=0)
    if result.errors:
        raise SystemExit(f"{target.name} cannot even serve one stream: {result.errors}")


def main() -> int:
    options = parse_options()
    script = Script(events=round(options.seconds * 1000 / GAP_MS), gap_ms=GAP_MS)
    report = Report()
    with Fleet(options.threads or options.streams + 100, options.pinned) as fleet:
        prove_errors_count(fleet.upstream)
        try:
            targets = [fleet.upstream, fleet.start("llmproxy")]
        except DoesNotStart as error:
            sys.exit(f"DOES NOT START: {error}")
        for target in targets:
            print(f"{target.name}: {options.streams} streams for {options.seconds:g} s", file=sys.stderr)
            report.add(target.name, "streams", measure(fleet, target, options.streams, script, options.spread))
        if report.errors:
            print(f"\nlast lines of the log:\n{targets[-1].log_tail(5)}", file=sys.stderr)
    medians = report.medians()
    cpus = "a CPU for the proxy and one for the load" if fleet.is_pinned else "not pinned to CPUs"
    print(f"\n{options.streams} streams within {options.spread:g} s, an event each {GAP_MS} ms, {cpus}\n")
    print(f"{table(medians)}\n\n{verdicts(medians, GOALS)}")
    print("\nerrors: " + ("; ".join(f"{count} x {what}" for what, count in report.errors.items()) or "none"))
    return 1 if report.errors else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures many streams at a time through one CPU.")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20, help="that each stream lasts, default: 20")
    parser.add_argument("--spread", type=float, default=4, help="seconds within which all are opened, default: 4")
    parser.add_argument("--threads", type=int, help="of the gunicorn worker, default: 100 more than streams")
    parser.add_argument("--not-pinned", dest="pinned", action="store_false", help="leave CPUs to the scheduler")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
