"""No row of the matrix is forgotten: it has a test, or stands among those to come."""

import re
from pathlib import Path

import pytest

from llmproxy.testing import FAULTS
from matrix import REST_TO_COME, ROWS_TO_COME

SECTIONS = {"A": 15, "B": 12, "C": 11, "D": 17, "E": 15, "F": 11, "G": 18}
ROWS = [f"{section}{number}" for section, last in SECTIONS.items() for number in range(1, last + 1)]
OF_UPSTREAMS = {row for row in ROWS if row[0] in "ABCD"}
HERE = Path(__file__).parent
FILES = [*HERE.glob("test_[a-g]*.py"), HERE.parent / "transport" / "test_pools.py"]  # a resolver can be stubbed there
NAMES = [
    name
    for path in FILES
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
]
TESTED = {row for name in NAMES for row in re.findall(r"_([A-G]\d+)(?=_)", name)}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_tested_or_to_come(row):
    assert (row in TESTED) != (row in ROWS_TO_COME)


def test_what_is_left_of_a_row_is_of_one_that_is_tested():
    assert set(REST_TO_COME) <= TESTED


def test_every_fault_plays_a_row_that_there_is():
    assert {fault.row for fault in FAULTS.values()} - {"ok"} <= OF_UPSTREAMS


def test_every_row_has_a_fault_unless_no_upstream_can_play_it():
    played = {fault.row for fault in FAULTS.values()}
    resolvers, other_statuses = {"A2", "A3"}, {"B3", "B5", "B7", "B8"}
    assert OF_UPSTREAMS - played == resolvers | other_statuses
