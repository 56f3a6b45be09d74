"""The real command between a client and an upstream that goes wrong, and what must hold after every row."""

import contextlib
import http.client
import json
import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gunicorns import gunicorn

from llmproxy.testing import FaultUpstream
from matrix.certificates import Certificates

THREADS = 8
SETTLE_SECS = 1.5
SILENT_SECS = 2
PROVIDER_TOKEN = "canary-provider-token"
SECOND_TOKEN = "canary-second-token"
CLIENT_KEY = "canary-client-key"
PROMPT = "canary-prompt"
SECRETS = {"UP_KEY": PROVIDER_TOKEN, "UP_KEY_2": SECOND_TOKEN, "TESTER_KEY": CLIENT_KEY}
CANARIES = (*(secret.encode() for secret in SECRETS.values()), PROMPT.encode())
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"

CONFIG = """
[server]
log_format = "json"
threads = {threads}
keepalive_secs = 0

[client.tester]
token_env = "TESTER_KEY"

[llm.up]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
max_retries = 0
timeouts = {{ connect_secs = 1, first_event_secs = 20, idle_secs = 20 }}

[llm.hasty]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
max_retries = 0
timeouts = {{ first_event_secs = 0.5, idle_secs = 0.5, progress_secs = 0.5, total_secs = 1 }}

[llm.nowhere]
provider = "openai"
base_url = "https://nowhere.invalid/v1"
token_env = "UP_KEY"
timeouts = {{ connect_secs = 1 }}

[llm.spare]
provider = "openai"
base_url = "{spare}"
token_env = "UP_KEY_2"
max_retries = 0
reuse_connections = false

[llm.pair]
provider = "openai"
base_url = "{up}"
token_env = ["UP_KEY", "UP_KEY_2"]
max_retries = 0
reuse_connections = false

[llm.patient]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
reuse_connections = false

[llm.tired]
provider = "openai"
base_url = "{up}"
token_env = "UP_KEY"
reuse_connections = false

[llm.claude]
provider = "anthropic"
base_url = "{up}"
token_env = "UP_KEY"
max_retries = 0
reuse_connections = false

[llm.gemini]
provider = "gemini"
base_url = "{up}"
token_env = "UP_KEY"
max_retries = 0
reuse_connections = false

[model.either_limited]
targets = ["up/either_limited", "spare/either_limited"]

[model.either_overloaded]
targets = ["up/either_overloaded", "spare/either_overloaded"]
"""
TLS_CONFIG = """
[llm.{name}]
provider = "openai"
base_url = "{url}"
token_env = "UP_KEY"
ca_file = "{authority}"
reuse_connections = false
timeouts = {{ connect_secs = 1 }}
"""


@dataclass
class Answer:
    """What the client got.

    Attributes:
        whole: Whether the body ended as its head says it would.
        seconds: From the first byte sent to the end.
        first: From the first byte sent to the first byte of the body.
    """

    status: int
    headers: dict
    body: bytes
    whole: bool
    seconds: float
    first: float

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of the error in its body."""
        return self.json()["error"]["code"]

    @property
    def data(self):
        """What a client reads of a stream: the data of each event, JSON or not."""
        text = self.body.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        blocks = [[line[5:] for line in block.split("\n") if line.startswith("data:")] for block in text.split("\n\n")]
        return [_value("\n".join(lines).strip()) for lines in blocks if lines]

    @property
    def text(self):
        """What the model says in a stream."""
        said = [data for data in self.data if isinstance(data, dict)]
        deltas = [data.get("delta", {}) for data in said]  # Anthropic's
        deltas += [choice["delta"] for data in said for choice in data.get("choices", ())]
        return "".join(delta.get("content") or delta.get("text") or "" for delta in deltas)

    @property
    def error(self):
        """The error that a stream ends with; None where it does not."""
        last = self.data[-1]
        return last.get("error") if isinstance(last, dict) else None


def _value(data):
    with contextlib.suppress(ValueError):
        return json.loads(data)
    return data


class Worker:
    """The one worker of a gunicorn, seen from outside."""

    def __init__(self, port, log):
        self.port = port
        self._log = log
        self._process = Path("/proc") / re.findall(r"Booting worker with pid: (\d+)", log.read_text())[-1]

    @property
    def load(self):
        """How many threads it has, and how many files are open."""
        return len(list((self._process / "task").iterdir())), len(list((self._process / "fd").iterdir()))

    @property
    def memory(self):
        """Resident bytes."""
        return int((self._process / "statm").read_text().split()[1]) * 4096

    @property
    def log_size(self):
        return self._log.stat().st_size

    def logged(self, start):
        """What it has logged since the log had this size."""
        with self._log.open("rb") as log:
            log.seek(start)
            return log.read()


@dataclass
class Row:
    """One row's requests. What holds after each of them is checked at the end.

    Attributes:
        attempts: How many requests the upstream is to get for those of this row. None: as many.
        outcomes: The outcome that each of its log lines is to tell, in order.
    """

    upstream: FaultUpstream
    worker: Worker
    model: str
    attempts: int | None = None
    asked: int = 0
    outcomes: list = field(default_factory=list)
    received: bytes = b""

    def play(self, fault, **options):
        self.upstream.play(fault, **options)
        return self

    def then(self, fault, **options):
        self.upstream.then(fault, **options)
        return self

    def ask(self, outcome, stream=False, llm="up", path=CHAT, prompt=PROMPT, timeout=15, **members):
        """One request of a client's, read to its end; `outcome` is what the log is to say of it."""
        connection, started = self.begin(outcome, stream, llm, path, prompt, timeout, **members), time.monotonic()
        response = connection.getresponse()
        first, whole = response.read(1), True
        first_at = time.monotonic()
        try:
            body = first + response.read()
        except (http.client.IncompleteRead, ConnectionError) as error:
            body, whole = first + getattr(error, "partial", b""), False
        connection.close()
        self.received += str(response.headers).encode() + body
        headers = {name.lower(): value for name, value in response.headers.items()}
        ended = time.monotonic()
        return Answer(response.status, headers, body, whole, ended - started, first_at - started)

    def begin(self, outcome, stream=False, llm="up", path=CHAT, prompt=PROMPT, timeout=15, **members):
        """A connection on which a request was sent."""
        self.asked += 1
        self.outcomes.append(outcome)
        messages = [{"role": "user", "content": prompt}]
        body = {"model": f"{llm}/{self.model}", "messages": messages, "stream": stream, "max_tokens": 50, **members}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {CLIENT_KEY}", "Connection": "close"}
        connection = http.client.HTTPConnection("127.0.0.1", self.worker.port, timeout=timeout)
        connection.request("POST", path, json.dumps(body), headers)
        return connection

    def send(self, *pieces, outcome=None, pause=0.0, patience=SILENT_SECS):
        """Bytes as they are, on a connection of their own; gives what comes back until it is closed or silent.

        Args:
            pieces: What is sent, one after the other, as far as the server listens.
            outcome: What the log is to say of it. None: it never comes as far as that.
            pause: Seconds between two pieces.
            patience: Seconds after which the other side counts as silent.
        """
        if outcome:
            self.asked += 1
            self.outcomes.append(outcome)
        received = b""
        with socket.create_connection(("127.0.0.1", self.worker.port), timeout=patience) as connection:
            with contextlib.suppress(OSError):  # it may have heard enough
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
            with contextlib.suppress(OSError):  # silent, or closed with something unread
                while piece := connection.recv(65536):
                    received += piece
        self.received += received
        return received

    def settled(self, before):
        """What must hold after every row."""
        start, load, requests = before
        expected = self.asked if self.attempts is None else self.attempts
        assert self.upstream.wait_for(
            lambda upstream: all(each.ended for each in upstream.requests[requests:]), SETTLE_SECS
        )
        assert len(self.upstream.requests) - requests == expected
        self._next_request_works()
        assert soon(lambda: self._lines(start) and len(self._lines(start)) >= self.asked)
        # Each line is written when its answer is closed, so a next request's may come first.
        assert sorted(line["outcome"] for line in self._lines(start)) == sorted([*self.outcomes, "settled"])
        assert len({line["request_id"] for line in self._lines(start)}) == self.asked
        assert soon(lambda: all(now <= then for now, then in zip(self.worker.load, load, strict=True))), (
            self.worker.load,
            load,
        )
        for canary in CANARIES:
            assert canary not in self.received
            assert canary not in self.worker.logged(start)

    def _next_request_works(self):
        """An ordinary one; of another model, since a rate limit is one model's own."""
        self.model = f"after-{self.model}"
        answer = self.play("ok").ask("settled")
        assert (answer.status, answer.json()["choices"][0]["message"]["content"]) == (200, "one two")
        self.outcomes.pop()

    def _lines(self, start):
        """The final lines of the requests since then."""
        written = self.worker.logged(start).split(b"\n")[:-1]  # the last may be half a line
        lines = [json.loads(line) for line in written if line.startswith(b"{")]
        return [line for line in lines if line["message"] == "request finished"]


def posted(body=b"", *lines, path=CHAT, key=CLIENT_KEY, length=None):
    """The bytes of a request that brings this body."""
    head = [f"POST {path} HTTP/1.1", "Host: proxy", "Content-Type: application/json", "Connection: close"]
    head += [f"Authorization: Bearer {key}"] if key else []
    head += [] if length is False else [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


def status_of(received):
    """The status of the first answer in these bytes; None if there is none."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    return int(found[1]) if found else None


def code_of(received):
    """The code of the error that these bytes are."""
    return json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"]


def is_error(answer, status, code, retry="false"):
    """Whether an answer is this error, in its body and in its headers."""
    said = answer.status, answer.code, answer.headers["x-llmproxy-error"], answer.headers["x-should-retry"]
    return said == (status, code, code, retry) and answer.headers["content-type"] == "application/json"


def soon(condition, seconds=SETTLE_SECS):
    """Whether a condition becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def encrypted(certificates):
    """Upstreams that serve TLS: one as it should, one with another host's certificate, one that signed its own."""
    with contextlib.ExitStack() as running:
        yield {
            name: running.enter_context(FaultUpstream(tls=certificates.context(name)))
            for name in ("good", "wrong_host", "self_signed")
        }


@pytest.fixture(scope="session")
def up():
    with FaultUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def spare():
    """Another upstream."""
    with FaultUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def trap():
    """What the proxy's environment and its clients name as a proxy or an address; nobody should ever come there."""
    with FaultUpstream() as upstream:
        yield upstream


@contextlib.contextmanager
def proxy(config, folder, *arguments, **environ):
    """The command with this configuration, as a worker. Nothing secret may be in whatever it has written at its end."""
    path, log = folder / "llmproxy.toml", folder / "log"
    path.write_text(config, encoding="utf-8")
    with gunicorn(path, *arguments, log=log, **SECRETS, **environ) as port:
        yield Worker(port, log)
    written = log.read_bytes()
    assert [canary for canary in CANARIES if canary in written] == []


@pytest.fixture(scope="session")
def worker(up, spare, trap, encrypted, certificates, tmp_path_factory):
    """The proxy, each of whose threads has served a request."""
    folder = tmp_path_factory.mktemp("matrix")
    tables = [CONFIG.format(threads=THREADS, up=up.url, spare=spare.url)]
    tables += [
        TLS_CONFIG.format(name=name, url=upstream.url, authority=certificates.authority)
        for name, upstream in encrypted.items()
    ]
    with proxy("\n".join(tables), folder, **misleading(trap, folder)) as worker:
        warm(Row(up, worker, "warm"))
        yield worker


def misleading(trap, folder):
    """An environment that would have requests go elsewhere, with other credentials."""
    netrc = folder / "netrc"
    netrc.write_text("default login other password other\n", encoding="utf-8")
    netrc.chmod(0o600)
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    nothing = str(folder / "nothing")
    return dict.fromkeys(proxies, trap.origin) | {
        "NETRC": str(netrc), "REQUESTS_CA_BUNDLE": nothing, "CURL_CA_BUNDLE": nothing,
    }  # fmt: skip


def warm(row, threads=THREADS):
    """Requests at the same time, as many as there are threads; each thread that there will be is there then."""
    row.play("slow_headers", seconds=0.5)
    begun = [row.begin("settled") for _ in range(threads)]
    for connection in begun:
        connection.getresponse().read()
        connection.close()
    row.play("ok").ask("settled")
    assert soon(lambda: row.worker.logged(0).count(b"request finished") > threads)


@pytest.fixture
def row(up, worker, request):
    """The row that the test plays; after it, the invariants."""
    row = Row(up, worker, re.sub(r"\W", "-", request.node.name))
    before = worker.log_size, worker.load, len(up.requests)
    yield row
    row.settled(before)
