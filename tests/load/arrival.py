"""Shows how soon an event leaves a target after it came from the upstream, for each framing of the upstream's body.

    python tests/load/arrival.py

One stream at a time, its events 100 ms apart: whoever waits for more bytes before handing on is seen at once.
"""

import argparse
import sys
from collections import Counter

from client import open_streams, percentile
from targets import NAMES, DoesNotStart, Fleet
from upstream import FRAMINGS, Script

GOAL_MS = 10


def main() -> int:
    options = parse_options()
    delays: dict[str, list[int]] = {framing: [] for framing in FRAMINGS}
    errors: Counter[str] = Counter()
    with Fleet(threads=8) as fleet:
        try:
            target = fleet.start(options.target)
        except DoesNotStart as error:
            sys.exit(f"DOES NOT START: {error}")
        for _ in range(options.rounds):
            for framing in FRAMINGS:
                script = Script(events=options.events, gap_ms=100, framing=framing)
                result = open_streams(target.port, 1, script, spread_secs=0)
                delays[framing] += result.delays()
                errors += Counter({f"{framing}: {reason}": count for reason, count in result.errors.items()})
    print(f"{options.target}: from the upstream's send to the client's receipt of an event, ms\n")
    print("framing   events     p50     p99")
    for framing, values in delays.items():
        median = percentile(values, 50)
        verdict = f"{'pass' if median <= GOAL_MS else 'MISS'} (goal: p50 <= {GOAL_MS})"
        print(f"{framing:8}{len(values):8}{median:8.2f}{percentile(values, 99):8.2f}  {verdict}")
    print("\nerrors: " + ("; ".join(f"{count} x {reason}" for reason, count in errors.items()) or "none"))
    return 1 if errors else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the way of an event through a target.")
    parser.add_argument("--target", choices=NAMES, default="llmproxy")
    parser.add_argument("--rounds", type=int, default=5, help="streams per framing, default: 5")
    parser.add_argument("--events", type=int, default=10, help="per stream, default: 10")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
