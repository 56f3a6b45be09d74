"""A recorded answer means the same to the SDK of another dialect: text, thoughts, calls, reason and usage."""

import pytest

from wire.matrix.cases import EXCEPTIONS, form_of, meanings
from wire.meaning import dialect_of
from wire.recorded import model_of
from wire.recordings import WIRE
from wire.sdks import SDKS
from wire.sdks.question import Question

pytestmark = [
    pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
]


def cases():
    return [
        pytest.param(client, record, said, id=f"{client}-{record['id']}", marks=marks(client, record))
        for client, record, said in meanings()
    ]


def marks(client, record):
    """An exception that is none any more fails, so that the list stays true."""
    reason = EXCEPTIONS.get((client, record["id"]))
    return [pytest.mark.xfail(reason=reason, strict=True)] if reason else []


@pytest.mark.parametrize(("client", "record", "said"), cases())
def test_an_answer_means_what_was_recorded_in_both_forms(client, record, said, sdk, record_property):
    record_property("cell", ("meaning", client, dialect_of(record), form_of(record)))
    for stream in (True, False):
        heard = sdk(client).ask(Question(model_of(record)), stream=stream)
        assert heard.said == SDKS[client].shows(said)
