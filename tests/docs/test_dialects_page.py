"""docs/dialects.md says what the code does."""

import pytest
from wire.recordings import WIRE

from docs import survival
from docs.dialects_page import INTRODUCTION, PAGE, RECORDED, WORDS, clients, page

WRITE = "PYTHONPATH=tests python -m docs.dialects_page writes it anew"


def test_the_page_says_what_each_pair_does():
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith("\n".join([INTRODUCTION, WORDS, *clients()])), WRITE
    assert RECORDED in text


@pytest.mark.skipif(not WIRE.is_dir(), reason=f"the recorded exchanges are not at {WIRE}")
def test_the_page_says_what_the_recordings_show():
    assert PAGE.read_text(encoding="utf-8") == page(), WRITE


@pytest.mark.parametrize("client", survival.CLIENTS)
@pytest.mark.parametrize("provider", survival.PROVIDERS)
def test_text_and_tools_and_system_prompts_survive_everywhere(client, provider):
    for feature in ("text", "a system prompt", "an image", "tools", "a call and its result", "parallel calls"):
        assert survival.asked(client, provider, feature) == survival.YES
    for feature in ("text", "parallel calls", "cut short"):
        assert survival.answered(client, provider, feature) == survival.YES
