from llmproxy.routing.rotation import Rotation


def test_tokens_take_turns(clock):
    rotation = Rotation(3, clock)
    assert [rotation.turns() for _ in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_an_ejected_token_comes_back_after_a_while(clock):
    rotation = Rotation(2, clock)
    assert rotation.eject(0, 60)
    assert rotation.turns() == [1]
    clock.passes(60)
    assert sorted(rotation.turns()) == [0, 1]


def test_the_last_token_is_never_ejected(clock):
    rotation = Rotation(3, clock)
    assert rotation.eject(0, 60)
    assert rotation.eject(2, 60)
    assert not rotation.eject(1, 60)
    assert rotation.turns() == [1]


def test_a_token_that_was_never_set_is_none_to_fall_back_on(clock):
    rotation = Rotation(2, clock)
    rotation.note(1, there=False)
    assert not rotation.eject(0, 60)
    rotation.note(1, there=True)
    assert rotation.eject(0, 60)
