"""docs/dialects.md: what survives between two dialects, found out by trying.

    PYTHONPATH=tests python -m docs.dialects_page

writes the page anew. The recordings have to be there for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wire.matrix.table import markdown as matrix_table
from wire.round_trips import harness
from wire.round_trips.table import KINDS, counted
from wire.test_round_trips import DIALECTS

from docs import survival

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dialects.md"

# What a client's half makes for itself, so that nothing is lost with the provider's.
MADE = {"id", "created", "created_at", "completed_at", "model", "responseId", "modelVersion", "item_id"}

INTRODUCTION = """\
# What survives between two dialects

A request goes to a target that speaks its client's own dialect as it came, byte for byte but for the edits of
processors, and the answer comes back byte for byte. Everything below is about the other road: the request is read into
a neutral model (`llmproxy.Chat`) and written in the target's dialect, and the answer comes back the same way, event by
event.

What a target cannot say is never dropped in silence. The answer carries its name in `x-llmproxy-dropped`, in the
client's own words, and with `strict = true` in `[server]` the request is refused with 400 instead. Content that would
be lost, as an image for a model without eyes, and what would lose the conversation, as `previous_response_id`, is
always refused with 400 `unsupported_feature`.

This page is generated from the code by trying each pair.
"""

WORDS = f"""\
| word | means |
|---|---|
| {survival.YES} | it arrives |
| {survival.PARTLY} | it arrives, but for something that is named in `x-llmproxy-dropped`, as the name of a file |
| {survival.NAMED} | the target cannot say it: it is left out, and named in `x-llmproxy-dropped` |
| {survival.REFUSED} | the request is refused with 400 `unsupported_feature` |
| {survival.NO} | the client's dialect has no place for it in an answer |
| {survival.UNSAID} | the one who would say it has no word for it |
"""


RECORDED = """
## What the recordings show

Recorded answers of each provider, read by the SDKs of the clients' own vendors. Whole and streamed answers are counted
apart.
"""

ROUND_TRIPS = """
## There and back

Recorded requests, answers and streams, read and written again in their own dialect. The last column is what the neutral
model alone carries: with everything left out that only one dialect knows, and but for ids, dates and the model's name,
which are made anew.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, WORDS, *clients(), *proof()])


def clients() -> Iterator[str]:
    """For each client's dialect: what its requests say to each provider, and what it hears of the answers."""
    for client in survival.CLIENTS:
        yield f"\n## Clients of {client}\n\nRequests:\n"
        yield table(survival.ASKED, partial(survival.asked, client))
        yield "\nAnswers:\n"
        yield table(survival.ANSWERED, partial(survival.answered, client))


def table(features: Iterable[str], cell: Callable[[str, str], str]) -> str:
    rows = [[feature, *(cell(provider, feature) for provider in survival.PROVIDERS)] for feature in features]
    return markdown(["", *survival.PROVIDERS], rows)


def proof() -> Iterator[str]:
    """What the recordings show; they are not part of the project, so this is written where they are."""
    yield RECORDED
    yield matrix_table()
    yield ROUND_TRIPS
    yield markdown(["dialect", "", "recorded", "as it was", "by the model alone"], list(counts()))
    yield "\nMembers that the model alone does not carry:\n"
    yield "\n".join(f"- **{name}**: {', '.join(members)}" for name, members in lost())
    yield "\nWhere what is written may differ from what was read:\n"
    yield "\n".join(f"- **{name}**: {sentence}" for name, sentence in differences())
    yield ""


def counts() -> Iterator[list[Any]]:
    for dialect in DIALECTS:
        for kind in KINDS:
            total, same, _ = counted(dialect, kind)
            _, carried, _ = counted(dialect, kind, harness.without_extra, MADE)
            yield [dialect.CLIENT.name, kind, total, same, carried]


def lost() -> Iterator[tuple[str, list[str]]]:
    for dialect in DIALECTS:
        found = {name: None for kind in KINDS for name in counted(dialect, kind, harness.without_extra, MADE)[2]}
        yield dialect.CLIENT.name, [f"`{name}`" for name in sorted(found) if name] or ["none"]


def differences() -> Iterator[tuple[str, str]]:
    for dialect in DIALECTS:
        found = {**dialect.REQUESTS, **dialect.ANSWERS, **dialect.STREAMS}
        for sentence in dict.fromkeys([*found, *filter(None, [getattr(dialect, "STREAM_FORM", None)])]):
            yield dialect.CLIENT.name, sentence


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
