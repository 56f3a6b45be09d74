import pytest
from transport.conftest import READ, Upstream


@pytest.fixture
def play():
    """An upstream that does what its script says, once it has read the request."""
    running = []

    def start(*steps):
        running.append(Upstream([[READ, *steps]]))
        return running[-1]

    yield start
    for each in running:
        each.close()
