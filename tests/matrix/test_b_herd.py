"""Row B4 with a crowd: what one 429 with a Retry-After stops."""

import threading
import time

import pytest

from llmproxy.testing import FaultUpstream
from matrix.conftest import Row, is_error, proxy, warm

THREADS = 220
PAUSE_SECS = 5
CONFIG = """
[server]
log_format = "json"
threads = {threads}

[client.tester]
token_env = "TESTER_KEY"

[llm.up]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
reuse_connections = false

[llm.once]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
reuse_connections = false
max_retries = 0
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """An upstream, and a proxy in front of it with room for all of a herd."""
    with FaultUpstream() as upstream:
        config = CONFIG.format(threads=THREADS, up=upstream.url)
        with proxy(config, tmp_path_factory.mktemp("herd")) as worker:
            warm(Row(upstream, worker, "warm"), THREADS)
            yield upstream, worker


@pytest.fixture
def herd(crowded):
    """A row whose requests come all at once."""
    upstream, worker = crowded
    row = Row(upstream, worker, "herd")
    before = worker.log_size, worker.load, len(upstream.requests)
    yield row
    row.settled(before)


def all_at_once(row, number, llm):
    """The answers to so many requests."""
    answers = []
    crowd = [threading.Thread(target=lambda: answers.append(row.ask("void", llm=llm))) for _ in range(number)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    return answers


@pytest.mark.parametrize(("number", "llm"), [(50, "once"), (200, "up")])
def test_B4_a_herd_is_stopped_by_the_first_429(herd, number, llm):
    herd.model = f"herd-{number}"
    before = len(herd.upstream.requests)
    answers = all_at_once(herd.play("rate_limited", retry_after=str(PAUSE_SECS)), number, llm)
    late = time.monotonic() + PAUSE_SECS  # each of those that came through has said it anew
    assert all(is_error(answer, 429, "upstream_rate_limited", "true") for answer in answers)
    assert all(1 <= int(answer.headers["retry-after"]) <= PAUSE_SECS for answer in answers)
    over = min(request.ended for request in herd.upstream.requests[before:]) + PAUSE_SECS
    while time.monotonic() < over - 1:
        herd.ask("void", llm=llm)
        time.sleep(0.3)
    came = [request.arrived for request in herd.upstream.requests[before:]]
    herd.attempts = len(came)
    assert len(came) <= number
    assert max(came) < over - PAUSE_SECS + 1.5  # those that were on their way
    time.sleep(max(0.0, late + 0.1 - time.monotonic()))
    herd.attempts += 1
    assert herd.play("ok").ask("settled", llm=llm).status == 200
