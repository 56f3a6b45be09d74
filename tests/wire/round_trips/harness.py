"""Reads a recording in one dialect and writes it again in the same: what comes out should be what went in."""

import base64
import dataclasses
import json
from functools import cache

from llmproxy.core.context import RequestContext
from llmproxy.core.sse import PAUSE, Event
from wire.recordings import WIRE, read


@cache
def records_of(endpoints):
    """The recordings of these endpoints, as (file, record)."""
    found = []
    for path in sorted(WIRE.glob("*.jsonl")):
        found += [(path.stem, read(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(name, record) for name, record in found if record["endpoint"] in endpoints]


def recorded_bytes(record):
    response = record["response"]
    if response.get("body_b64"):
        return base64.b64decode(response["body_b64"])
    return response["body_text"].encode("utf-8")


def requests_of(dialect):
    """Those that were answered, but for the few that are refused because they cannot be put in other words."""
    refused = getattr(dialect, "REFUSED", frozenset())
    return [
        (name, record)
        for name, record in records_of(dialect.ENDPOINTS)
        if record["request"] and isinstance(record["request"]["json"], dict) and record["response"]["status"] == 200
        if not refused & record["request"]["json"].keys()
    ]


def answers_of(dialect, *, stream):
    return [
        (name, record)
        for name, record in records_of(dialect.ENDPOINTS)
        if record["response"]["status"] == 200 and record["response"]["is_stream"] == stream
    ]


def is_error(dialect, record):
    """Whether a whole answer of status 200 holds an error in its place."""
    return dialect.PROVIDER.signs(Event.whole(recorded_bytes(record)), True).error


def asked(dialect, record):
    """The request as the client half parses it; one that asks for as much as can be had where none was recorded."""
    body = record["request"]["json"] if record["request"] else None
    body = body if isinstance(body, dict) else dialect.INVENTED
    context = RequestContext(path=dialect.path_of(record))
    return dialect.CLIENT.parse(json.dumps(body).encode(), context)


def written_request(dialect, record, change=lambda chat: chat):
    """The recorded request, read and written again; and what the writer says it lost."""
    return dialect.PROVIDER.write_request(change(asked(dialect, record).to_chat()))


def written_answer(dialect, record, change=lambda answer: answer):
    """The recorded whole answer, read and written again."""
    answer = dialect.PROVIDER.read_answer(json.loads(recorded_bytes(record)))
    return dialect.CLIENT.write_answer(change(answer), asked(dialect, record))


def events_in(dialect, record):
    """The recorded events as the provider half decodes them, from one piece of bytes."""
    return [event for event in dialect.PROVIDER.decode([recorded_bytes(record)]) if event is not PAUSE]


def deltas_in(dialect, record):
    """What the recorded stream says."""
    read = dialect.PROVIDER.reader()
    for event in events_in(dialect, record):
        if event.data is not None and not dialect.PROVIDER.signs(event, False).error:
            yield from read(event)


def written_stream(dialect, record, change=lambda delta: delta):
    """The recorded stream, read and written again: its events."""
    request = asked(dialect, record)
    deltas = (change(delta) for delta in deltas_in(dialect, record))
    return [event for event in dialect.CLIENT.write_stream(deltas, request) if event is not PAUSE]


def as_values(events):
    """Events as (type, JSON), or the bare data where it is no JSON; those without data left out."""
    values = []
    for event in events:
        if event.data is not None:
            try:
                value = json.loads(event.data)
            except ValueError:
                value = event.data.decode()
            values.append((event.type, value))
    return values


def alike(value, differences):
    """`value` without nulls, with every published difference evened out at every depth."""
    if isinstance(value, dict):
        value = {name: alike(each, differences) for name, each in value.items() if each is not None}
    elif isinstance(value, (list, tuple)):
        value = [alike(each, differences) for each in value]
    for even_out in differences.values():
        value = even_out(value)
    return value


def without_extra(value):
    """A value of the neutral model without what only one dialect knows, at every depth."""
    if isinstance(value, tuple):
        return tuple(without_extra(each) for each in value)
    if not dataclasses.is_dataclass(value):
        return value
    members = {each.name: without_extra(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if "extra" in members:
        members["extra"] = {}
    return type(value)(**members)
