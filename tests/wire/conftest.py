"""Every recorded exchange behind the real gunicorn: a replaying upstream for each way of cutting a stream."""

import contextlib
import http.client
import json

import pytest
from gunicorns import gunicorn

from llmproxy.providers.compatible import ROWS
from wire.recordings import WIRE, records, replaying

CHUNKINGS = ("event", "7", "all")


@pytest.fixture(scope="session")
def replays():
    """An upstream for each chunking, as {chunking: url}."""
    if not records():
        pytest.skip(f"the recorded exchanges are not at {WIRE}")
    with contextlib.ExitStack() as running:
        yield {chunking: running.enter_context(replaying(chunking)) for chunking in CHUNKINGS}


@pytest.fixture(scope="session")
def proxy(replays, tmp_path_factory):
    """The port of a proxy with a route for each recording file and chunking: `/{chunking}/{file}/v1/...`."""
    folder = tmp_path_factory.mktemp("wire")
    config = folder / "llmproxy.toml"
    config.write_text("\n".join(tables(replays)), encoding="utf-8")
    with gunicorn(config, "--threads", "16", log=folder / "log", UP_KEY="up-token") as port:
        yield port


def tables(replays):
    """The configuration: `[llm.openai]` as a user has it, the compatible hosts by their rows, others as OpenAI's."""
    yield "[server]\nauth = 'none'"
    for chunking, url in replays.items():
        for name in sorted({name for name, _ in records()}):
            provider = name if name in ROWS else "openai"
            yield f"[llm.{name}_{chunking}]\nprovider = '{provider}'\nbase_url = '{url}/v1'\ntoken_env = 'UP_KEY'"
            yield "dialects = ['chat', 'responses', 'completions', 'embeddings']"
            yield f"[[route]]\npath_prefix = '/{chunking}/{name}'\ntarget_llm = '{name}_{chunking}'"


@pytest.fixture
def exchange(proxy, replays):
    """Has a recording served to the next request, sends that, and gives (status, headers, text)."""

    def send(name, record, body, chunking="event"):
        queue(replays[chunking], record["id"])
        connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=20)
        path = f"/{chunking}/{name}/v1/{record['endpoint']}"
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode("utf-8")
        connection.close()
        return response.status, response.headers, text

    return send


def queue(url, *ids):
    """Makes the replaying upstream serve these records to the next requests, whatever they ask."""
    host = url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("POST", "/__replay__/reset")
    connection.getresponse().read()
    connection.request("POST", "/__replay__/queue", json.dumps({"ids": list(ids)}))
    assert connection.getresponse().read()
    connection.close()
