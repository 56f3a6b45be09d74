"""A provider that answers with recordings: the name of the model says which."""

from functools import cache

from marshmallow import Schema, fields

from llmproxy.core.response import ResponseStream
from llmproxy.core.sse import Event
from llmproxy.dialects import PROVIDER_DIALECTS
from llmproxy.providers.base import Provider
from wire.meaning import DIALECTS, body_of, dialect_of, said_in
from wire.recordings import WIRE, read


class RecordedOptions(Schema):
    """`dialect`: what the recordings are in."""

    dialect = fields.String(required=True)


class Recorded(Provider):
    """Does with a request all that a provider does, but for sending it; `asked` is the last body."""

    endpoints = dict.fromkeys(DIALECTS.values(), "/")
    default_base_url = "http://127.0.0.1"
    options_schema = RecordedOptions
    asked = None

    def spoken(self):
        return (self.options["dialect"],)

    def execute(self, request):
        record = by_id()[request.model]
        call = self.call(request.with_model(record["model"] or "some-model"))
        Recorded.asked = call.body
        body, whole = body_of(record), not record["response"]["is_stream"]
        events = [Event.whole(body)] if whole else call.dialect.decode([body])
        return ResponseStream.relay(events, call.dialect, request, whole=whole)


# Recordings that hold several answers, one after another, in one stream: their vendors' own SDKs refuse them.
NOT_ONE_ANSWER = {
    "anthropic-0dd1e0723f",
    "anthropic-262e510961",
    "anthropic-37ef7ae388",
    "anthropic-6f8116bfff",
    "openai-f26f6b7e67",
}


@cache
def all_by_id():
    """Every recording, by its id."""
    found = [read(line) for path in sorted(WIRE.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return {record["id"]: record for record in found}


@cache
def by_id():
    """Every recorded chat of status 200, by its id."""
    chats = {name: record for name, record in all_by_id().items() if dialect_of(record)}
    return {name: record for name, record in chats.items() if record["response"]["status"] == 200}


@cache
def answers():
    """Those of them that are answers, rather than errors or halves, as (record, what it says)."""
    single = [record for record in by_id().values() if record["id"] not in NOT_ONE_ANSWER]
    read_all = [(record, said_in(record)) for record in single]
    return [(record, said) for record, said in read_all if said is not None]


def config():
    """The configuration with an llm for each provider dialect there is."""
    spoken = sorted(set(DIALECTS.values()) & set(PROVIDER_DIALECTS.names()))
    llms = {llm_of(name): {"provider": "wire.recorded:Recorded", "dialect": name} for name in spoken}
    return {"server": {"auth": "none"}, "llm": llms}


def llm_of(dialect):
    return dialect.replace(".", "_")


def model_of(record):
    """What a client asks for to be answered with this recording."""
    return f"{llm_of(dialect_of(record))}/{record['id']}"
