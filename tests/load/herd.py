"""Shows what one 429 with a Retry-After stops: many requests at once, and some after them.

    python tests/load/herd.py
    python tests/load/herd.py --requests 500 --retry-after 3

The upstream answers each request with 429. Goals: no more attempts than requests and the budget of retries; none that
comes later than those that were on their way at the first 429, until its pause is over.
"""

import argparse
import json
import socket
import sys
import threading
import time

from targets import DoesNotStart, Fleet, Server
from upstream import HOST

from llmproxy.testing import FaultUpstream

BUDGET = 10  # retries that an llm can bear at once, and one for each ten requests
ON_THEIR_WAY_SECS = 1.0
MARGIN_SECS = 0.5  # before the pause is over, for the last to be answered
PATIENCE_SECS = 30
CONFIG = """
[server]
auth = "none"

[llm.up]
provider = "openai"
base_url = "{url}"
"""


class Herd:
    """Requests that are sent at the same moment, each on a connection of its own."""

    def __init__(self, target: Server, size: int) -> None:
        self._connections = [socket.create_connection((HOST, target.port), PATIENCE_SECS) for _ in range(size)]

    def stampede(self) -> list[bytes]:
        """The head and body of each answer."""
        body = json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
        request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        answers: list[bytes] = []
        threads = [threading.Thread(target=lambda each=each: answers.append(read(each))) for each in self._connections]
        for thread in threads:
            thread.start()
        for connection in self._connections:
            connection.sendall(request)
        for thread in threads:
            thread.join()
        return answers


def read(connection: socket.socket) -> bytes:
    received = b""
    with connection:
        while piece := connection.recv(65536):
            received += piece
    return received


def refusals(answers: list[bytes]) -> int:
    """How many are a 429 that says when to come again."""
    return sum(answer.startswith(b"HTTP/1.1 429") and b"\r\nRetry-After: " in answer for answer in answers)


def measure(requests: int, pause: int) -> dict[str, tuple[float, float]]:
    """Each figure with its goal, which is the most it may be."""
    with FaultUpstream() as upstream, Fleet(requests + 40, pinned=False) as fleet:
        target = fleet.start_proxy(CONFIG.format(url=upstream.url))
        upstream.play("rate_limited", retry_after=str(pause))
        herd = Herd(target, requests)
        refused, later = refusals(herd.stampede()), 0
        before = len(upstream.requests)
        first = min(request.ended or 0.0 for request in upstream.requests)
        while time.monotonic() - first < pause - MARGIN_SECS:
            refused += refusals(Herd(target, 5).stampede())
            later += 5
            time.sleep(0.2)
        arrived = [request.arrived for request in upstream.requests]
    return {
        "attempts": (len(arrived), requests + BUDGET + requests / 10),
        "answers other than 429": (requests + later - refused, 0),
        "last attempt after the first 429, s": (max(arrived) - first, ON_THEIR_WAY_SECS),
        "attempts of the requests that came later": (len(arrived) - before, 0),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200, help="how many come at once (%(default)s)")
    parser.add_argument("--retry-after", type=int, default=5, help="seconds the upstream asks for (%(default)s)")
    options = parser.parse_args()
    try:
        figures = measure(options.requests, options.retry_after)
    except DoesNotStart as error:
        print(error, file=sys.stderr)
        return 1
    for name, (figure, goal) in figures.items():
        print(f"{'pass' if figure <= goal else 'MISS'}  {name}: {figure:.3g} (at most {goal:g})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
