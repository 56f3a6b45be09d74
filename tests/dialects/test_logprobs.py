from llmproxy.core.chat import TokenLogprob
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs

SAID = [
    {
        "token": "a",
        "logprob": -0.1,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -2.0, "bytes": None}],
    }
]
TOKENS = (TokenLogprob("a", -0.1, (97,), (TokenLogprob("b", -2.0),)),)


def test_probabilities_are_read_and_written():
    assert read_logprobs(SAID) == TOKENS
    assert write_logprobs(TOKENS) == SAID


def test_no_probabilities_are_none():
    assert read_logprobs(None) == read_logprobs([]) == ()
    assert write_logprobs(()) == []
