"""Every recorded exchange behind the real gunicorn, and the tables of what the vendors' SDKs see through it."""

import contextlib
import functools
import http.client
import json
import threading

import pytest
from flask import Flask
from gunicorns import gunicorn
from werkzeug.serving import make_server

from llmproxy import LLMProxy
from llmproxy.dialects import PROVIDER_DIALECTS
from llmproxy.providers.compatible import ROWS
from wire import recorded
from wire.matrix import made, upstreams
from wire.matrix.table import TABLES, counted
from wire.recordings import WIRE, records, replaying
from wire.replay import Replay
from wire.sdks import SDKS

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
            provider = name if name in {*ROWS, "mistral"} else "openai"
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


@pytest.fixture(scope="session")
def border():
    """The URL of an application in this process whose models are recordings."""
    app = Flask(__name__)
    LLMProxy(app, config=recorded.config())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def sdk(border):
    """The SDK of a client dialect, talking to the recordings."""
    with contextlib.ExitStack() as open_clients:
        yield connecting(border, open_clients)


@pytest.fixture(scope="session")
def crossed_replay(tmp_path_factory):
    """The upstream of the matrix: the recordings, and what was made because nobody recorded it."""
    folder = tmp_path_factory.mktemp("made")
    made.write(folder)
    records = {**recorded.all_by_id(), **{record["id"]: record for record in made.records()}}
    with replaying("event", folder) as url:
        yield Replay(url, records)


@pytest.fixture(scope="session")
def crossing(crossed_replay, tmp_path_factory):
    """The SDK of a client dialect, talking to a proxy whose upstreams speak every provider dialect."""
    pytest.importorskip("botocore", reason="botocore, which signs for Bedrock, comes with the dev extra")
    folder = tmp_path_factory.mktemp("matrix")
    config = folder / "llmproxy.toml"
    spoken = [name for name in upstreams.LLMS if name in PROVIDER_DIALECTS.names()]
    config.write_text("\n".join(upstreams.configuration(crossed_replay.url, spoken)), encoding="utf-8")
    environ = upstreams.ENVIRONMENT
    with (
        gunicorn(config, "--threads", "8", log=folder / "log", **environ) as port,
        contextlib.ExitStack() as open_clients,
    ):
        yield connecting(f"http://127.0.0.1:{port}", open_clients)


def connecting(root, open_clients):
    """A function that gives the SDK of a client dialect, connected to this root, the same one each time."""

    @functools.cache
    def connected(name):
        return open_clients.enter_context(contextlib.closing(SDKS[name](root)))

    return connected


def pytest_terminal_summary(terminalreporter):
    """Prints the tables of what was shown, as far as it was run."""
    reports = [
        (report.passed, tuple(place))
        for outcome in ("passed", "failed", "xfailed")
        for report in terminalreporter.stats.get(outcome, ())
        for name, place in report.user_properties
        if name == "cell"
    ]
    for name, counts in counted(reports).items():
        if counts:
            terminalreporter.section(TABLES[name].title)
            for line in TABLES[name].text(counts):
                terminalreporter.write_line(line)
