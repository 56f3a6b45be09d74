"""Standard input."""

import sys


def read_stdin(hint: str) -> bytes:
    """All of it; whoever sits at a terminal gets the hint first."""
    if sys.stdin is None:  # closed by whoever started us
        return b""
    if sys.stdin.isatty():
        print(hint, file=sys.stderr)
    return sys.stdin.buffer.read()
