"""What comes back of the recordings: with all that was kept, and with what the neutral model alone carries."""

import json
from collections import Counter

from wire.round_trips import harness

KINDS = ("requests", "answers", "streams")


def comparisons(dialect, kind, change=lambda value: value):
    """Each recording of one kind, as (written, recorded), both evened out."""
    if kind == "requests":
        for _, record in harness.requests_of(dialect):
            written, _ = harness.written_request(dialect, record, change)
            yield even(dialect.REQUESTS, written, record["request"]["json"])
        return
    for _, record in harness.answers_of(dialect, stream=kind == "streams"):
        if kind == "answers" and harness.is_error(dialect, record):
            continue
        if kind == "answers":
            recorded = json.loads(harness.recorded_bytes(record))
            yield even(dialect.ANSWERS, harness.written_answer(dialect, record, change), recorded)
        else:
            written = harness.as_values(harness.written_stream(dialect, record, change))
            recorded = harness.as_values(harness.events_in(dialect, record))
            yield even(dialect.STREAMS, *dialect.same_stream(written, recorded))


def even(differences, *values):
    return tuple(harness.alike(value, differences) for value in values)


def missing(written, recorded, path=""):
    """The members that were recorded and not written, or otherwise, by their paths without positions."""
    if isinstance(written, dict) and isinstance(recorded, dict):
        for name, value in recorded.items():
            yield from missing(written.get(name), value, f"{path}.{name}" if path else name)
    elif isinstance(written, (list, tuple)) and isinstance(recorded, (list, tuple)) and len(written) == len(recorded):
        for one, other in zip(written, recorded, strict=True):
            yield from missing(one, other, path)
    elif written != recorded:
        yield path


def counted(dialect, kind, change=lambda value: value, made=frozenset()):
    """How many recordings there are, how many came back as they were, and which members did not.

    Args:
        made: Members that do not count, since they are made anew.
    """
    lost = Counter()
    total = same = 0
    for written, recorded in comparisons(dialect, kind, change):
        gone = {name for name in missing(written, recorded) if name.rpartition(".")[2] not in made}
        total += 1
        same += not gone
        lost.update(gone)
    return total, same, [name for name, _ in lost.most_common()]
