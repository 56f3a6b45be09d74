import pytest

from llmproxy import LLMProxyError
from llmproxy.processors.missing import MissingProcessor


def test_nothing_passes_where_a_processor_is_missing(parse):
    with pytest.raises(LLMProxyError) as caught:
        MissingProcessor("plugins/bad.py:3: it failed").process(parse())
    assert (caught.value.code, caught.value.status) == ("invalid_config", 500)
    assert (caught.value.settlement, caught.value.should_retry) == ("void", False)
    assert "bad.py" not in caught.value.message
    assert caught.value.detail == "plugins/bad.py:3: it failed"
