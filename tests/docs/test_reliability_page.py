"""docs/reliability.md says what the code does."""

import re

import pytest

from docs.reliability_page import HEADING, PAGE, START_UP, WHEN, section
from llmproxy.config.models import ServerConfig, Timeouts
from llmproxy.core.errors import CODES, PUBLIC_CODES

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_error_code():
    written = TEXT.partition(HEADING)
    assert written[1] + written[2] == section(), "PYTHONPATH=tests python -m docs.reliability_page writes it anew"


def test_every_code_with_another_name_outside_says_when():
    assert set(WHEN) == set(PUBLIC_CODES)


def test_the_page_names_no_code_that_there_is_not():
    named = set(re.findall(r"`((?:upstream|server|deadline)_[a-z_]+|overloaded)`", TEXT))
    assert named <= set(CODES) - START_UP


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, getattr(Timeouts(), name)) for name in Timeouts.__slots__),
        *((name, getattr(ServerConfig(), name)) for name in ("request_timeout_secs", "keepalive_secs", "write_secs")),
        ("max_body_mb", ServerConfig().max_body_mb),
    ],
)
def test_the_limits_are_those_of_the_code(name, value):
    assert re.search(rf"`{name}`(?: \| | \(){value:g}(?: \||\))", TEXT)
