import pytest

from llmproxy.routing.load import Load


@pytest.fixture
def load(clock):
    return Load(clock)


def test_requests_in_flight_are_counted(load):
    load.begin()
    load.begin()
    load.end()
    assert load.in_flight == 1


def test_nothing_is_known_at_first(load):
    assert load.first_event_secs() == 0


def test_the_latest_first_events_weigh_most(load):
    load.began_after(1)
    assert load.first_event_secs() == 1
    load.began_after(2)
    assert load.first_event_secs() == pytest.approx(1.2)


def test_what_was_measured_long_ago_fades(load, clock):
    load.began_after(8)
    clock.passes(120)
    assert load.first_event_secs() == pytest.approx(2)
