"""A turn with thoughts or calls crosses a border to a client, and comes back with the client's next as it was."""

import pytest

from wire.matrix.cases import form_of, turns
from wire.meaning import dialect_of
from wire.meaning.turns import given, given_back
from wire.recorded import Recorded, model_of
from wire.recordings import WIRE
from wire.sdks import SDKS
from wire.sdks.question import Question

pytestmark = [
    pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]


@pytest.mark.parametrize(
    ("client", "record"), [pytest.param(*case, id=f"{case[0]}-{case[1]['id']}") for case in turns()]
)
def test_a_turn_comes_back_as_its_provider_gave_it(client, record, sdk, record_property):
    record_property("cell", ("back", client, dialect_of(record), form_of(record)))
    stream, carries = form_of(record) == "streamed", SDKS[client].carries
    heard = sdk(client).ask(Question(model_of(record)), stream=stream)
    results = ["21 degrees"] * len(heard.said.calls)
    sdk(client).ask(Question(model_of(record), turns=((heard, results),)), stream=stream)
    came_back = given_back(dialect_of(record), Recorded.asked)
    assert carries(came_back) == carries(given(record))
