"""What every cell must do, a function for each feature; each takes the cell."""

import uuid
from dataclasses import replace

import pytest

from wire.meaning import said_in
from wire.sdks.question import PIXEL, Question, Tool

SYSTEM = "Answer in one short sentence."
RESULTS = ["21 degrees", "half past nine"]


def text(cell):
    record = cell.plays("text")
    heard = cell.ask(text="What is the capital of France?")
    assert heard.said == cell.shows(said_in(record))
    assert "capital of France" in str(cell.arrived()[0])


def tool(cell):
    call_and_result(cell, "tool", 1)


def parallel(cell):
    call_and_result(cell, "parallel", 2)


def call_and_result(cell, feature, number):
    """Tools are offered and called, and their results are told in the next turn."""
    called, answered = cell.plays(feature, "answer")
    said = said_in(called)
    assert len(said.calls) == number
    question = Question(cell.model, text="Look it up.", tools=tools_for(said))
    heard = cell.asks(question)
    assert heard.said == cell.shows(said)
    assert len({*heard.said.ids} - {None}) in (0, number)
    again = cell.asks(replace(question, turns=((heard, RESULTS[:number]),)))
    assert again.said == cell.shows(said_in(answered))
    first, second = cell.arrived()
    assert cell.read(first).tools() == [(each.name, each.description, each.parameters) for each in question.tools]
    paired(cell.read(second), said)


def paired(arrived, said):
    """The calls as the model made them, each with the result that is its own."""
    calls, results = arrived.calls(), dict(arrived.results())
    assert [call for _, call in calls] == list(said.calls)
    assert len(results) == len(calls) == len({key for key, _ in calls})
    for (key, _), expected in zip(calls, RESULTS, strict=False):
        assert expected in results[key]


def tools_for(said):
    """The tools that a recorded answer calls, with a schema that its arguments obey."""
    return tuple(
        Tool(name, f"Looks up {name}.", schema(arguments))
        for name, arguments in {call.name: call.arguments for call in said.calls}.items()
    )


def schema(arguments):
    kinds = {name: "integer" if isinstance(value, int) else "string" for name, value in arguments.items()}
    properties = {name: {"type": kind, "description": f"The {name}."} for name, kind in kinds.items()}
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def image(cell):
    record = cell.plays("text")
    heard = cell.ask(text="What is this?", image=PIXEL)
    assert heard.said == cell.shows(said_in(record))
    assert cell.read(cell.arrived()[0]).images() == [PIXEL]


def system(cell):
    record = cell.plays("text")
    heard = cell.ask(system=SYSTEM)
    assert heard.said == cell.shows(said_in(record))
    assert cell.read(cell.arrived()[0]).system() == SYSTEM


def error_before(cell):
    cell.model += f"-{uuid.uuid4()}"  # an upstream that asks for a pause is given it, for this model alone
    cell.plays("before")
    with pytest.raises(cell.sdk.status_error) as raised:
        cell.ask()
    assert cell.sdk.status(raised.value) == cell.recordings.status[cell.stream]


def error_inside(cell):
    """Nothing after it may look like a regular ending, which a plain reader of the bytes sees best."""
    cell.plays_broken()
    with pytest.raises(cell.sdk.error) as raised:
        cell.ask()
    if not cell.stream:
        assert cell.sdk.status(raised.value) == 502
        return
    cell.plays_broken()
    received = cell.receive()
    assert "error" in received
    assert not any(ending in received for ending in cell.sdk.endings)


CHECKS = {
    "text": text,
    "tool": tool,
    "parallel": parallel,
    "image": image,
    "system": system,
    "error before": error_before,
    "error inside": error_inside,
}
