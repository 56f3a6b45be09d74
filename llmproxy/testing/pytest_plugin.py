"""The pytest plugin: fixtures for whoever tests a provider, a processor, or an application with the proxy inside."""

from collections.abc import Iterator

import pytest

from llmproxy.testing.upstream import FaultUpstream


@pytest.fixture
def fault_upstream() -> Iterator[FaultUpstream]:
    """An upstream on this machine in which nothing is wrong until the test says so."""
    with FaultUpstream() as upstream:
        yield upstream
