"""A clock that stands still until it is told otherwise, and llms that do as they are told."""

import pytest

from llmproxy import LLMClient, ResponseStream


class Clock:
    """Seconds that grow by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


class Scripted(LLMClient):
    """Answers each request with the next of its script: an error is raised, a function called, None is an answer. The
    last one serves all further requests."""

    def __init__(self, *script):
        self.script = script or (None,)
        self.asked = []

    def execute(self, request):
        step = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(request)
        if isinstance(step, Exception):
            raise step
        return step(request) if step else ResponseStream([b"{}"], request)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scripted():
    """Makes an llm of a script."""
    return Scripted
