import pytest

from llmproxy import create_app


@pytest.fixture
def echo(load):
    """An application with nothing behind it but echo."""
    return create_app(load()).test_client()
