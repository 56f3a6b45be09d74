"""`python -m llmproxy.testing`: the upstream that goes wrong on purpose, for use by hand."""

import argparse
import sys
import threading
from collections.abc import Iterator

from llmproxy.testing.faults import FAULTS
from llmproxy.testing.script import Fault
from llmproxy.testing.upstream import FaultUpstream


def main(arguments: list[str] | None = None) -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m llmproxy.testing", description="An upstream with faults by name.")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 takes any free port (the default)")
    with FaultUpstream(port=parser.parse_args(arguments).port) as upstream:
        sys.stdout.write("\n".join(introduction(upstream)) + "\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def introduction(upstream: FaultUpstream) -> Iterator[str]:
    """What it is called by, and every fault that a path can choose."""
    yield f"Listening at {upstream.url}"
    yield f"A fault by its name: {upstream.origin}/@slow_headers;seconds=2/v1"
    yield ""
    yield from (described(fault) for fault in FAULTS.values() if fault.at not in ("listen", "connect"))


def described(fault: Fault) -> str:
    """One line about a fault."""
    options = "".join(f";{name}={value}" for name, value in fault.options.items())
    return f"{fault.row:>3}  {fault.name + options}\n       {fault.sentence}"


if __name__ == "__main__":
    main()
