import pytest

from llmproxy.routing.cooldown import Cooldown


@pytest.fixture
def cooldown(clock):
    return Cooldown(clock)


def test_at_first_nothing_has_to_be_waited_for(cooldown):
    assert cooldown.remaining() == 0


def test_a_pause_runs_out(cooldown, clock):
    cooldown.begin(5)
    clock.passes(2)
    assert cooldown.remaining() == 3
    clock.passes(4)
    assert cooldown.remaining() == 0


def test_a_shorter_pause_does_not_end_a_longer_one(cooldown):
    cooldown.begin(5)
    cooldown.begin(1)
    assert cooldown.remaining() == 5
