import pytest

from llmproxy.core.chat import Signature, Thinking
from llmproxy.dialects.seals import sealed, unsealed

OWN, OTHERS = Signature("a.b", "openai"), Signature("a.b", "anthropic")


@pytest.mark.parametrize("signature", [OWN, OTHERS])
def test_a_signature_comes_back_as_one(signature):
    assert unsealed(sealed(Thinking("hm", signature), "openai"), "openai") == (signature, None)


def test_redacted_thoughts_of_another_maker_come_back_as_such():
    assert unsealed(sealed(Thinking(redacted=OTHERS), "openai"), "openai") == (None, OTHERS)


def test_what_is_the_places_own_stands_there_bare():
    assert sealed(Thinking(redacted=OWN), "openai") == sealed(Thinking(signature=OWN), "openai") == "a.b"


def test_a_plain_thought_has_nothing_to_bring_back():
    assert sealed(Thinking("hm"), "openai") is None
