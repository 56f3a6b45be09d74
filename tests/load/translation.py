"""What a streamed event costs in process: relayed in its own dialect, and translated into each other one.

    python tests/load/translation.py [--events 2000] [--rounds 7]

Each figure is the median over the rounds of the time for a whole stream (decoding, noticing, reading, writing, joining)
divided by its events: text deltas as the provider's dialect writes them, ten in a read.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator

from llmproxy.core.answer import Appended, Closed, Counted, Delta, End, Opened, Start, Usage
from llmproxy.core.chat import Text
from llmproxy.core.context import Attempt, RequestContext
from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import PAUSE
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS

CHATS = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "ollama.chat")
IN_A_READ = 10

REQUESTS = {
    "openai.chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True},
    "openai.responses": {"model": "m", "input": "hi", "stream": True},
    "anthropic.messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
    },
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "ollama.chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
}
PATH = {"model": "m", "method": "streamGenerateContent"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(f"µs for each event, median of {options.rounds} rounds of {options.events} events\n")
    print("| provider \\ client | " + " | ".join(CHATS) + " |\n|---" * 1 + "|---" * len(CHATS) + "|")
    for provider in CHATS:
        reads = list(recorded(provider, options.events))
        cells = [f"{measure(provider, client, reads, options) :.1f}" for client in CHATS]
        print(f"| {provider} | " + " | ".join(cells) + " |")


def recorded(dialect: str, events: int) -> Iterator[bytes]:
    """A stream of this dialect as an upstream would send it, in reads."""
    request = ask(dialect)
    pieces = (item.raw for item in request.client_dialect.write_stream(said(events), request) if item is not PAUSE)
    while batch := list(itertools.islice(pieces, IN_A_READ)):
        yield b"".join(batch)


def said(events: int) -> Iterator[Delta]:
    yield Start("id", "m")
    yield Opened(0, Text())
    for number in range(events):
        yield Appended(0, f" word{number}")
    yield Closed(0)
    yield End("stop")
    yield Counted(Usage(12, events))


def measure(provider: str, client: str, reads: list[bytes], options: argparse.Namespace) -> float:
    times = []
    for _ in range(options.rounds):
        dialect = PROVIDER_DIALECTS.get(provider)()
        start = time.process_time()
        stream = ResponseStream.relay(dialect.decode(iter(reads)), dialect, ask(client), whole=False)
        size = sum(map(len, stream))
        times.append(time.process_time() - start)
        stream.close()
        assert size
        assert stream.failure is None
    return statistics.median(times) / options.events * 1e6


def ask(dialect: str):  # type: ignore[no-untyped-def]
    context = RequestContext(path=PATH, query={"alt": "sse"}, attempts=[Attempt("l", "m", sent=True)])
    return CLIENT_DIALECTS.get(dialect)().parse(json.dumps(REQUESTS[dialect]).encode(), context)


if __name__ == "__main__":
    main()
