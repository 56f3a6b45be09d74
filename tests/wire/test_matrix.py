"""Every client to every provider: what a user of an SDK sees, and what its upstream is asked."""

import pytest

from wire.matrix.cases import features
from wire.matrix.cell import Cell
from wire.matrix.checks import CHECKS
from wire.recordings import WIRE

pytestmark = [
    pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]


@pytest.mark.parametrize(("client", "provider", "feature", "form"), features())
def test_a_cell_works(client, provider, feature, form, crossing, crossed_replay, record_property):
    record_property("cell", ("matrix", client, provider, form))
    CHECKS[feature](Cell(crossing(client), provider, crossed_replay, stream=form == "streamed"))
