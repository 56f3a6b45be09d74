"""What CountWords logs; `pytest` in this folder runs it. The model `echo` says again what it is asked."""

import pytest

from llmproxy import LLMProxy

CONFIG = {
    "processor": {"words": {"type": "count_words:CountWords"}},
    "route": [{"path_prefix": "/", "processors": ["words"]}],
}


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_asked_and_answered_is_counted(caplog, stream):
    caplog.set_level("INFO")
    answer = LLMProxy(config=CONFIG).chat("echo", [{"role": "user", "content": "one two three"}], stream=stream)
    if stream:
        list(answer)  # what has not been read has not been said
    assert "words asked=3 answered=3" in caplog.messages
