from hypothesis import given
from hypothesis import strategies as st

from llmproxy.core.chat import Signature, Thinking
from llmproxy.dialects.ollama_chat.ids import read_id, with_texts, write_id

SIGNED = Thinking("Let me see.", Signature("a+b/c=", "anthropic"))
SEALED = Thinking(redacted=Signature("xyz", "anthropic"))
PLAIN = Thinking("And then?")


def there_and_back(id, signature, thoughts):
    read = read_id(write_id(id, signature, thoughts))
    return read.id, read.signature, with_texts(read.thoughts, "".join(thought.text for thought in thoughts))


def test_an_id_that_carries_nothing_stays_as_it_is():
    assert write_id("call_1", None, [PLAIN]) == "call_1"
    assert read_id("call_1") == ("call_1", None, ())
    assert read_id(None) == (None, None, ())


def test_the_signature_of_a_call_survives_in_its_id():
    signature = Signature("CiQB/+==", "google")
    assert there_and_back("call_1", signature, []) == ("call_1", signature, ([], ""))


def test_the_signatures_of_thoughts_survive_in_the_id_of_the_call_they_led_to():
    thoughts = [SIGNED, SEALED, PLAIN]
    assert there_and_back("call_1", None, thoughts) == ("call_1", None, (thoughts, ""))


def test_text_that_belongs_to_no_signed_thought_is_left_over():
    read = read_id(write_id("call_1", None, [SIGNED]))
    assert with_texts(read.thoughts, "Let me see. More.") == ([SIGNED], " More.")


def test_a_client_that_drops_thoughts_leaves_their_signatures():
    read = read_id(write_id("call_1", None, [SIGNED]))
    assert with_texts(read.thoughts, "") == ([Thinking("", SIGNED.signature)], "")


@given(st.text(), st.text(min_size=1), st.sampled_from(["anthropic", "google", "openai"]))
def test_any_signature_survives(text, value, maker):
    signature = Signature(value, maker)
    thought = Thinking(text, signature)
    assert there_and_back("call_1", signature, [thought]) == ("call_1", signature, ([thought], ""))
