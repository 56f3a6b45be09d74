"""What the tests of the whole share: an application made from a dict, upstreams that are not there, and a deadline."""

import gc
import json
import logging
import signal
import sys
import threading

import hypothesis
import pytest
import responses
from fakes import ScriptedServer, upstream
from werkzeug.serving import make_server

from llmproxy import create_app
from llmproxy.config import loader
from llmproxy.core.context import RequestContext
from llmproxy.core.tokens import TOKEN_PROVIDERS
from llmproxy.core.urls import URL_PROVIDERS
from llmproxy.dialects import CLIENT_DIALECTS, PROVIDER_DIALECTS
from llmproxy.processors import PROCESSORS
from llmproxy.providers import PROVIDERS
from llmproxy.routing.policies import POLICIES

DEADLINE_SECS = 60
REGISTRIES = (CLIENT_DIALECTS, POLICIES, PROCESSORS, PROVIDER_DIALECTS, PROVIDERS, TOKEN_PROVIDERS, URL_PROVIDERS)

# How long an example takes is the machine's affair, not the code's.
hypothesis.settings.register_profile("untimed", deadline=None, max_examples=50)
hypothesis.settings.load_profile("untimed")


gc.disable()  # while tests are collected it would look through thousands of them again and again


def pytest_collection_finish():
    """Spares the garbage collector the thousands of tests, which stay anyway."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def deadline():
    """A test that hangs fails by itself."""

    def too_late(*_):
        pytest.fail(f"still running after {DEADLINE_SECS} seconds")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(DEADLINE_SECS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory; `sys.path` and our logger are put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    logger = logging.getLogger("llmproxy")
    state = list(logger.handlers), logger.level, logger.propagate
    yield tmp_path
    logger.handlers[:], logger.level, logger.propagate = state


@pytest.fixture
def newcomers(folder, monkeypatch):
    """An empty working directory whose modules, and what they add or stand for, are forgotten afterwards."""
    for registry in REGISTRIES:
        known = {name: entry for name, entry in registry._table.items() if ":" not in name}
        monkeypatch.setattr(registry, "_table", known)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if not name.startswith("llmproxy."):
            del sys.modules[name]


@pytest.fixture
def load(folder):
    """Makes a configuration from a dict, with no environment but the one given."""

    def load_dict(config=None, env=None):
        registries = {"providers": PROVIDERS, "processors": PROCESSORS, "policies": POLICIES}
        return loader.load_config(config or {}, **registries, environ=env or {})

    return load_dict


@pytest.fixture
def make_app(load):
    """Makes the application of a configuration, which has one upstream unless it says which."""

    def make(config=None, env=None):
        return create_app(load({**upstream(), **(config or {})}, {"UP_KEY": "up-token", **(env or {})}))

    return make


@pytest.fixture
def client(make_app):
    """Calls the application of a configuration with nothing but an upstream."""
    return make_app().test_client()


@pytest.fixture
def up():
    """The upstream of `make_app`: mocked, and any other request fails."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def ask():
    """Posts a chat and returns the response after closing it, which is when the request finishes."""

    def post(client, path="/v1/chat/completions", headers=None, raw=None, environ=None, **body):
        body = {"model": "up/m", "messages": [{"role": "user", "content": "hello"}], **body}
        data = json.dumps(body) if raw is None else raw
        headers = {"Content-Type": "application/json", **(headers or {})}
        response = client.post(path, data=data, headers=headers, environ_overrides=environ)
        response.get_data()
        response.close()
        return response

    return post


@pytest.fixture
def serve():
    """Serves an application on a real socket; returns the port."""
    servers = []

    def start(app):
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def get():
    """Gets a path and returns the closed response."""

    def fetch(client, path, method="GET", **arguments):
        response = client.open(path, method=method, **arguments)
        response.get_data()
        response.close()
        return response

    return fetch


@pytest.fixture
def parse():
    """Makes a request of a dialect from its body."""

    def read(dialect="openai.chat", context=None, **body):
        if dialect == "openai.chat":
            body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **body}
        return CLIENT_DIALECTS.get(dialect)().parse(json.dumps(body).encode(), context or RequestContext())

    return read


LOGGERS = ("access", "core", "observability", "processors", "providers", "web")


@pytest.fixture
def logged(folder):
    """What is logged, whatever an application does with our logger."""
    handler = logging.Handler()
    logged = Logged()
    handler.emit = logged.records.append
    loggers = [logging.getLogger(f"llmproxy.{name}") for name in LOGGERS]
    logging.getLogger("llmproxy").setLevel(logging.INFO)
    for logger in loggers:
        logger.addHandler(handler)
    yield logged
    for logger in loggers:
        logger.removeHandler(handler)


class Logged:
    """The log, so far."""

    def __init__(self):
        self.records = []

    @property
    def requests(self):
        """The facts of each finished request."""
        return [record.request for record in self.records if hasattr(record, "request")]

    @property
    def text(self):
        """All of it, tracebacks included."""
        return "\n".join(logging.Formatter().format(record) for record in self.records)


@pytest.fixture
def server():
    """A real upstream on this machine, for framing and timing."""
    scripted = ScriptedServer()
    yield scripted
    scripted.close()
