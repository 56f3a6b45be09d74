import pytest

from llmproxy.dialects.counts import read_count


@pytest.mark.parametrize("value", [0, 7, 10**12 - 1])
def test_a_count_is_taken(value):
    assert read_count(value) == value


@pytest.mark.parametrize("value", [None, "7", 7.0, True, -1, 10**12, [7]])
def test_a_count_that_cannot_be_believed_is_none(value):
    assert read_count(value) is None
