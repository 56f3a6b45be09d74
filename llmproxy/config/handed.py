"""The configuration's file as gunicorn's main process has checked it, in a worker: all workers have the same
configuration, whatever its file says by the time they begin."""

from dataclasses import replace
from pathlib import Path

from llmproxy.config.document import Document, document_of, parse_document


class Handed:
    """What was handed to this process, if it is a worker of that kind.

    Attributes:
        document: Stands for the usual file, be it that there is none. None: nothing was handed over.
    """

    def __init__(self) -> None:
        self.document: Document | None = None

    def take(self, path: str | None, text: str) -> None:
        """Takes what was checked: the file, if there was one, and what it said."""
        document = document_of({}) if path is None else parse_document(Path(path), text)
        self.document = replace(document, checked=True)


HANDED = Handed()
"""The process's own."""
