import pytest

from llmproxy.core.estimate import estimate_tokens


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [([], 0), ([""], 0), (["a"], 1), (["abcd"], 1), (["abcde"], 2), (["ab", "cd"], 1), (["€€€€"], 3), (["\ud800"], 1)],
)
def test_four_bytes_are_a_token(texts, tokens):
    assert estimate_tokens(texts) == tokens
