"""Everything that goes wrong, all at once and for minutes, at the thread limit: what is held must not grow.

    python tests/load/soak.py
    python tests/load/soak.py --minutes 1 --threads 16

Each caller asks again and again for an upstream with another fault, streamed or whole; some leave in the middle, some
read slowly. There are more callers than threads, so that some are told that there is no room.
"""

import argparse
import http.client
import itertools
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

from targets import DoesNotStart, Fleet, Server
from upstream import HOST

from llmproxy.testing import FAULTS, FaultUpstream

TOKEN, KEY, PROMPT = "canary-provider-token", "canary-client-key", "canary-prompt"
PATIENCE_SECS = 20  # much longer than any deadline of the configuration
SAMPLE_SECS = 2
SETTLE_SECS = 5
OPTIONS = {"big_answer": ";mb=5", "gzip_bomb": ";mb=8"}  # above max_response_mb
MODELS = 20  # of each llm, so that none of them fails often enough to be left alone
TAIL = 4096

SERVER = """
[server]
log_format = "json"
keepalive_secs = 0.5
write_secs = 1

[client.tester]
token_env = "TESTER_KEY"
"""
LLM = """
[llm.{name}]
provider = "openai"
base_url = "{base_url}"
token_env = "UP_KEY"
max_response_mb = 4
timeouts = {{ connect_secs = 1, first_event_secs = 1, idle_secs = 1, progress_secs = 1, total_secs = 2 }}
"""
MANNERS = {"listens": 8, "leaves": 2, "dawdles": 1}


@dataclass
class Outcomes:
    """What the callers have seen so far."""

    counts: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)  # ids of requests
    canaries: int = 0


class Caller(threading.Thread):
    """Asks one request after the other until it is told to stop."""

    numbers = itertools.count(1)

    def __init__(self, target: Server, outcomes: Outcomes, enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._outcomes = outcomes
        self._enough = enough
        self._chance = random.Random(self.name)

    def run(self) -> None:
        while not self._enough.is_set():
            fault = self._chance.choice(list(FAULTS))
            [manner] = self._chance.choices(list(MANNERS), list(MANNERS.values()))
            outcome = self.ask(fault, self._chance.random() < 0.6, manner)
            self._outcomes.counts[outcome] += 1

    def ask(self, fault: str, streaming: bool, manner: str) -> str:
        """One request; says how it went."""
        request_id = f"soak-{next(self.numbers)}"
        self._outcomes.asked.append(request_id)
        model = f"{fault}/m{self._chance.randrange(MODELS)}"
        body = {"model": model, "stream": streaming, "messages": [{"role": "user", "content": PROMPT}]}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", "x-request-id": request_id}
        connection = http.client.HTTPConnection(HOST, self._target.port, timeout=PATIENCE_SECS)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            if manner == "leaves":
                time.sleep(self._chance.uniform(0, 0.5))
                return "left"
            response = connection.getresponse()
            tail = self._read(response, manner)
        except (OSError, http.client.HTTPException) as error:
            return f"{manner}: {type(error).__name__}"
        finally:
            connection.close()
        if manner == "dawdles":
            return "dawdled"
        if response.status != 200:
            return f"{response.status} {response.headers.get('x-llmproxy-error')}"
        return f"stream: {ending(tail)}" if streaming else "200"

    def _read(self, response: http.client.HTTPResponse, manner: str) -> bytes:
        """The end of the body; a caller that dawdles does not read all of it."""
        tail, until = b"", time.monotonic() + 3
        while piece := response.read1(512 if manner == "dawdles" else 65536):
            tail += piece
            self._outcomes.canaries += any(canary.encode() in tail for canary in (TOKEN, KEY, PROMPT))
            tail = tail[-TAIL:]
            if manner == "dawdles":
                time.sleep(0.2)
                if time.monotonic() > until:
                    break
        return tail


def ending(tail: bytes) -> str:
    """How a stream ended that HTTP says is whole."""
    blocks = tail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    events = [block.partition(b"data:")[2].strip() for block in blocks if b"data:" in block]
    if events and events[-1] == b"[DONE]":
        return "[DONE]"
    try:
        return str(json.loads(events[-1])["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return "a clean end without [DONE] or an error"


@dataclass
class Sample:
    threads: int
    files: int
    rss: float  # MB

    @classmethod
    def of(cls, target: Server) -> "Sample":
        return cls(target.threads(), target.open_files(), target.memory().rss)


ALLOWED = Sample(threads=2, files=10, rss=20)
"""How much more there may be in the last third than in the second one."""


def soak(target: Server, outcomes: Outcomes, callers: int, minutes: float) -> list[Sample]:
    """Lets the callers ask, and looks at the target meanwhile."""
    enough, samples = threading.Event(), []
    crowd = [Caller(target, outcomes, enough) for _ in range(callers)]
    end = time.monotonic() + minutes * 60
    for caller in crowd:
        caller.start()
    while time.monotonic() < end:
        time.sleep(SAMPLE_SECS)
        samples.append(Sample.of(target))
        if len(samples) % 15 == 0:
            print(f"{outcomes.counts.total()} requests, {samples[-1]}", file=sys.stderr)
    enough.set()
    for caller in crowd:
        caller.join(2 * PATIENCE_SECS)
    return samples


def growth(samples: list[Sample]) -> dict[str, bool]:
    """Prints what was held in each third; whether it was no more in the last one."""
    thirds = [samples[len(samples) * third // 3 : len(samples) * (third + 1) // 3] for third in range(3)]
    minutes = len(samples) / 3 * SAMPLE_SECS / 60
    flat = {}
    print(f"\n{'medians':12}{'1st third':>12}{'2nd third':>12}{'3rd third':>12}{'a minute':>12}")
    for name in ("threads", "files", "rss"):
        values = [statistics.median(getattr(sample, name) for sample in third) for third in thirds]
        grown = values[2] - values[1]
        flat[f"{name} flat"] = grown <= getattr(ALLOWED, name)
        print(f"{name:12}" + "".join(f"{value:12.1f}" for value in values) + f"{grown / minutes:+12.2f}")
    return flat


def invariants(target: Server, upstreams: list[FaultUpstream], outcomes: Outcomes, start: Sample) -> dict[str, bool]:
    """What must hold once everybody has gone."""
    works = Caller(target, outcomes, threading.Event()).ask("ok", True, "listens")
    time.sleep(SETTLE_SECS)
    now, log = Sample.of(target), target.log_text()
    kept = sum(upstream.open_connections for upstream in upstreams)
    print(f"\nat rest: {start} before, {now} after; the upstreams have {kept} connections")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    finished = Counter(line["request_id"] for line in lines if line["message"] == "request finished")
    print("outcomes in the log: " + counted(Counter(line["outcome"] for line in lines if "outcome" in line)))
    return {
        "one final line for each request": finished == Counter(outcomes.asked),
        "files are closed, but for connections that are kept": now.files <= start.files + kept + ALLOWED.files,
        "no canary in what callers got": not outcomes.canaries,
        "no canary in the log": not any(canary in log for canary in (TOKEN, KEY, PROMPT)),
        "no fault of our own": not outcomes.counts["500 internal_error"] and "Traceback" not in log,
        "no stream ends cleanly without [DONE] or an error": not any("clean end" in each for each in outcomes.counts),
        "no caller waits for ever": not any("Timeout" in each for each in outcomes.counts),
        "the same worker": log.count("Booting worker") == 1,
        "the next request works": works == "stream: [DONE]",
    }


def counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "none"


def main() -> int:
    options = parse_options()
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(options.threads, options.pinned))
        everything = stack.enter_context(FaultUpstream())
        upstreams, tables = [everything], []
        for name, fault in FAULTS.items():
            base_url = f"{everything.origin}/@{name}{OPTIONS.get(name, '')}/v1"
            if fault.at in ("listen", "connect"):  # before there is a path that could choose it
                upstreams.append(stack.enter_context(FaultUpstream().play(name)))
                base_url = f"{'http' if fault.at == 'listen' else 'https'}://{HOST}:{upstreams[-1].port}/v1"
            tables.append(LLM.format(name=name, base_url=base_url))
        try:
            target = fleet.start_proxy(SERVER + "".join(tables), UP_KEY=TOKEN, TESTER_KEY=KEY)
        except DoesNotStart as error:
            sys.exit(f"DOES NOT START: {error}")
        outcomes = Outcomes()
        Caller(target, outcomes, threading.Event()).ask("ok", False, "listens")
        start = Sample.of(target)
        samples = soak(target, outcomes, options.callers or options.threads + 8, options.minutes)
        print(f"{outcomes.counts.total()} requests in {options.minutes:g} minutes, {options.threads} threads\n")
        for outcome, count in outcomes.counts.most_common():
            print(f"{count:8}  {outcome}")
        verdicts = growth(samples) | invariants(target, upstreams, outcomes, start)
    print()
    for name, holds in verdicts.items():
        print(f"{'pass' if holds else 'MISS'}  {name}")
    return 0 if all(verdicts.values()) else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mixes all faults for minutes, and looks whether anything grows.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=64, help="of the gunicorn worker, default: 64")
    parser.add_argument("--callers", type=int, help="at a time, default: 8 more than threads")
    parser.add_argument("--not-pinned", dest="pinned", action="store_false", help="leave CPUs to the scheduler")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
