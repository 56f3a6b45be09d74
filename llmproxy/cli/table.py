"""Rows of text in columns."""

from collections.abc import Iterable, Iterator, Sequence


def aligned(rows: Iterable[Sequence[str]], indent: str = "") -> Iterator[str]:
    """One line for each row; all but the last column are as wide as their widest text."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        yield (indent + "  ".join(padded)).rstrip()
