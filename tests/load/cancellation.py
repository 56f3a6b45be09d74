"""Shows how soon the upstream is let go when its client leaves: in each phase of a request, plain and over TLS.

    python tests/load/cancellation.py
    python tests/load/cancellation.py --rounds 20 --clients 100

First one client after the other, then many at once: from the client's close to the upstream's seeing its own
connection closed.
"""

import argparse
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from client import percentile
from targets import DoesNotStart, Fleet, Server
from upstream import HOST

from llmproxy.testing import FaultUpstream

GOAL_MS, GOAL_ALL_SECS = 50, 1.0
PATIENCE_SECS = 30

PHASES = {  # what is waited for, and what the upstream plays
    "headers": "slow_headers;seconds=600",
    "silent stream": "stall_midway",
    "flowing stream": "drip;pause=0.1",
}
LLM = """
[llm.{name}]
provider = "openai"
base_url = "{origin}/@{fault}/v1"
ca_file = "{authority}"
"""


class Client:
    """One that asks for a stream, waits for its phase, and leaves."""

    def __init__(self, target: Server, llm: str) -> None:
        chat = f'{{"model":"{llm}/m","stream":true,"messages":[{{"role":"user","content":"hi"}}]}}'
        self._sock = socket.create_connection((HOST, target.port), timeout=PATIENCE_SECS)
        self._sock.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(chat)}\r\n\r\n{chat}".encode()
        )

    def wait_for_event(self) -> None:
        data = b""
        while b"data:" not in data:
            piece = self._sock.recv(65536)
            if not piece:
                raise SystemExit(f"the proxy gave no stream: {data!r}")
            data += piece

    def leave(self) -> None:
        self._sock.close()


def crowd(target: Server, upstream: FaultUpstream, llm: str, phase: str, size: int) -> list[int]:
    """So many clients in a phase leave at once: how long it took for each that was let go, in nanoseconds."""
    before = len(upstream.requests)
    clients = [Client(target, llm) for _ in range(size)]
    if not upstream.wait_for(lambda upstream: len(upstream.requests) == before + size, PATIENCE_SECS):
        raise SystemExit(f"{len(upstream.requests) - before} of {size} requests came to the upstream")
    for client in clients if phase != "headers" else ():
        client.wait_for_event()
    time.sleep(random.uniform(0.05, 0.15))  # not in step with anything that is done each so many milliseconds
    left = time.monotonic()
    for client in clients:
        client.leave()
    exchanges = upstream.requests[before:]
    upstream.wait_for(lambda _: all(exchange.left is not None for exchange in exchanges), PATIENCE_SECS)
    return [round((exchange.left - left) * 1e9) for exchange in exchanges if exchange.left is not None]


def main() -> int:
    options = parse_options()
    rows, kept = [], 0
    with ExitStack() as stack:
        certificate, key = make_certificate(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        encryption.load_cert_chain(certificate, key)
        fleet = stack.enter_context(Fleet(options.threads, options.pinned))
        upstreams = {
            "plain": stack.enter_context(FaultUpstream()),
            "TLS": stack.enter_context(FaultUpstream(tls=encryption)),
        }
        cases = [
            (f"{transport}-{phase}".replace(" ", "-"), transport, phase) for transport in upstreams for phase in PHASES
        ]
        tables = [
            LLM.format(name=llm, origin=upstreams[transport].origin, fault=PHASES[phase], authority=certificate)
            for llm, transport, phase in cases
        ]
        try:
            target = fleet.start_proxy('[server]\nauth = "none"\n' + "".join(tables))
        except DoesNotStart as error:
            sys.exit(f"DOES NOT START: {error}")
        for llm, transport, phase in cases:
            print(f"{transport:6} {phase}", file=sys.stderr)
            upstream = upstreams[transport]
            alone = [took for _ in range(options.rounds) for took in crowd(target, upstream, llm, phase, 1)]
            at_once = crowd(target, upstream, llm, phase, options.clients)
            kept += options.rounds - len(alone) + options.clients - len(at_once)
            rows.append((f"{transport:6}{phase:15}", alone, at_once))
    report(rows, options)
    print(f"\nstill with their upstream after {PATIENCE_SECS} s: {kept or 'none'}")
    return 1 if kept else 0


def report(rows: list[tuple[str, list[int], list[int]]], options: argparse.Namespace) -> None:
    print(f"\nfrom the client's close to the upstream's, ms: {options.rounds} one by one, {options.clients} at once\n")
    print(f"{'upstream, phase':21}{'p50':>8}{'p99':>8}{'max':>8}{'at once: p50':>15}{'all':>8}")
    for name, alone, at_once in rows:
        figures = "".join(f"{percentile(alone, percent):8.1f}" for percent in (50, 99, 100))
        passed = percentile(alone, 99) <= GOAL_MS and percentile(at_once, 100) <= GOAL_ALL_SECS * 1000
        verdict = "pass" if passed else "MISS"
        print(f"{name}{figures}{percentile(at_once, 50):15.1f}{percentile(at_once, 100):8.1f}  {verdict}")
    print(f"\ngoals: p99 <= {GOAL_MS} ms, all at once <= {GOAL_ALL_SECS * 1000:g} ms")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that has signed itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=load", "-addext", f"subjectAltName=IP:{HOST}"]
    command = ["openssl", "req", "-x509", *kind, *name, "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures how soon an upstream is let go when its client leaves.")
    parser.add_argument("--rounds", type=int, default=200, help="clients one after the other, per phase, default: 200")
    parser.add_argument("--clients", type=int, default=500, help="clients that leave at once, default: 500")
    parser.add_argument("--threads", type=int, default=600, help="of the gunicorn worker, default: 600")
    parser.add_argument("--not-pinned", dest="pinned", action="store_false", help="leave CPUs to the scheduler")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
