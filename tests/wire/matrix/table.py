"""Tables of what was shown: how many checks of each cell passed, as text for a terminal and as Markdown."""

from collections import Counter
from dataclasses import dataclass

from wire.matrix.cases import (
    CLIENTS,
    EXCEPTIONS,
    FEATURES,
    FORMS,
    PROVIDERS,
    SIGNING,
    features,
    form_of,
    meanings,
    turns,
)
from wire.meaning import dialect_of


@dataclass(frozen=True)
class Table:
    """Clients and providers, and in each cell a figure for each form.

    Attributes:
        notes: What has to be known to read it, a sentence or two each.
        starred: The clients to whose rows the first note belongs.
    """

    title: str
    notes: tuple[str, ...]
    columns: tuple[str, ...] = PROVIDERS
    starred: tuple[str, ...] = ()

    def text(self, counts):
        """The lines for a terminal. `counts` has (passed, run) by (client, provider, form)."""
        lines = [["", *self.columns], *self._rows(counts)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return [" ".join(map(str.ljust, line, widths)).rstrip() for line in lines]

    def markdown(self, counts):
        """The same for a document, with its notes."""
        lines = [["client \\ provider", *self.columns], ["---"] * (len(self.columns) + 1), *self._rows(counts)]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return f"{table}\n{''.join(f'- {note}' + chr(10) for note in self.notes)}"

    def _rows(self, counts):
        for client in CLIENTS:
            yield [client + "*" * (client in self.starred), *self._figures(client, counts)]

    def _figures(self, client, counts):
        """What was shown of each cell, whole and streamed; a dash where there is nothing to show."""
        cells = [[counts.get((client, provider, form)) for form in FORMS] for provider in self.columns]
        return [" ".join(f"{passed}/{run}" for passed, run in filter(None, cell)) or "-" for cell in cells]


TABLES = {
    "matrix": Table(
        "Every client to every provider: features that work, whole and streamed",
        tuple(f"{name}: {meaning}" for name, meaning in FEATURES.items()),
    ),
    "meaning": Table(
        "Recorded answers that mean the same to the SDK of another dialect, recorded whole and recorded as streams",
        tuple(dict.fromkeys(EXCEPTIONS.values())),
    ),
    "back": Table(
        "Recorded turns that come back across a border as their provider gave them, whole and streamed",
        (
            "\\* Only text and calls come back: Ollama's SDK has no place for ids and signatures, and the model thinks "
            "anew in each turn.",
            "OpenAI's chat has one text in a message: it comes back between the thoughts and the calls.",
            "Gemini pairs calls and results by their names and their order; ids are not sent to it.",
        ),
        SIGNING,
        ("ollama.chat",),
    ),
}


def counted(reports):
    """What each table counts, from `(whether it passed, (table, client, provider, form))`."""
    ran, passed = Counter(), Counter()
    for good, place in reports:
        ran[place] += 1
        passed[place] += good
    return {name: {place[1:]: (passed[place], ran[place]) for place in ran if place[0] == name} for name in TABLES}


def published():
    """The counts that a document shows: everything passes but what is excepted."""
    places = [(True, ("matrix", client, provider, form)) for client, provider, _, form in features()]
    places += [
        ((client, record["id"]) not in EXCEPTIONS, ("meaning", client, dialect_of(record), form_of(record)))
        for client, record, _ in meanings()
    ]
    places += [(True, ("back", client, dialect_of(record), form_of(record))) for client, record in turns()]
    return counted(places)


def markdown():
    """The three tables as they stand in a document."""
    counts = published()
    return "\n".join(f"### {table.title}\n\n{table.markdown(counts[name])}" for name, table in TABLES.items())
