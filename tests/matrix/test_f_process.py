"""Section F: the process and what is around it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from gunicorns import KEPT, ROOT
from processes import GUNICORN, MESSAGES, SERVE, connections, served, wait_for

from llmproxy.testing import FaultUpstream

GRACE = 5
CONFIG = """
[server]
log_format = "json"

[llm.short]
provider = "openai"
base_url = "{up}/@unframed_stream;pause=0.4/v1"
token_env = "UP_KEY"

[llm.long]
provider = "openai"
base_url = "{up}/@drip/v1"
token_env = "UP_KEY"

[llm.silent]
provider = "openai"
base_url = "{up}/@slow_headers;seconds=60/v1"
token_env = "UP_KEY"

[llm.plain]
provider = "openai"
base_url = "{up}/v1"
token_env = "UP_KEY"
"""
TOKEN = "UP_KEY=first-token\n"


@pytest.fixture(scope="module")
def upstream():
    with FaultUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def config(upstream):
    return CONFIG.format(up=upstream.origin)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """Starts a server of its own with that configuration."""

    def start(*arguments, text=config, **options):
        return served(tmp_path_factory.mktemp("server"), text, *arguments, env_file=TOKEN, **options)

    return start


# F1


class Stopped:
    """What clients saw of a server that was told to stop while they listened."""

    def __init__(self, server):
        with server.connection() as kept:
            kept.request("GET", "/readyz")
            kept.getresponse().read()
            self.short, self.long = server.listen("short/m"), server.listen("long/m")
            self.other_dialect = server.listen("long/m", MESSAGES)
            self.before_headers = _in_thread(lambda: server.ask("silent/m"))
            time.sleep(0.3)
            server.signal(signal.SIGTERM)
            self.told = time.monotonic()
            wait_for(lambda: _status(kept, "/readyz") == 503, 2)
        self.ready = server.get("/readyz")
        self.alive = server.get("/livez")
        self.chat, self.messages = server.ask("echo"), server.ask("echo", MESSAGES)
        self.heard = [listener.result() for listener in (self.short, self.long, self.other_dialect)]
        self.code = server.process.wait(GRACE + 5)
        self.seconds = time.monotonic() - self.told
        self.lines, self.said = server.logged(), server.said


def _in_thread(function):
    """A function that waits for what the other one, which runs by now, returns."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()

    def result():
        thread.join(20)
        return results[0]

    return result


def _status(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.fixture(scope="module")
def stopped(run):
    with run("--graceful-timeout", str(GRACE)) as server:
        return Stopped(server)


def test_F1_a_stream_that_fits_the_time_finishes(stopped):
    assert (stopped.short.whole, stopped.short.body.endswith(b"data: [DONE]\n\n")) == (True, True)


def test_F1_one_that_does_not_ends_with_an_error_event_in_openais_words(stopped):
    assert stopped.long.error["code"] == "server_shutdown"
    assert b"[DONE]" not in stopped.long.body


def test_F1_one_that_does_not_ends_with_an_error_event_in_anthropics_words(stopped):
    assert stopped.other_dialect.error["type"] == "overloaded_error"
    assert b"message_stop" not in stopped.other_dialect.body


def test_F1_one_whose_upstream_has_not_answered_yet_gets_a_status(stopped):
    status, _, body = stopped.before_headers()
    assert (status, json.loads(body)["error"]["code"]) == (503, "server_shutdown")


def test_F1_each_leaves_its_line_in_the_log(stopped):
    ended = [(line["model"], line["error"]) for line in stopped.lines if line["stream"]]
    assert sorted(ended, key=str) == [
        ("long/m", "server_shutdown"),
        ("long/m", "server_shutdown"),
        ("short/m", None),
    ]


def test_F1_health_checks_are_told_at_once(stopped):
    assert (stopped.ready[0], stopped.alive[0]) == (503, 200)


def test_F1_new_requests_are_told_to_come_again(stopped):
    for (status, headers, _), expected in ((stopped.chat, 503), (stopped.messages, 529)):
        assert (status, headers["x-llmproxy-error"], headers["retry-after"]) == (expected, "server_shutdown", "1")
        assert headers["x-should-retry"] == "true"


def test_F1_the_server_ends_by_itself_and_in_time(stopped):
    assert (stopped.code, stopped.seconds < GRACE) == (0, True)
    assert "Traceback" not in stopped.said
    assert "SIGKILL" not in stopped.said


def test_F1_a_server_without_requests_ends_at_once(run):
    with run() as server:
        told = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert time.monotonic() - told < 5


def test_F1_an_interrupt_ends_streams_at_once_and_honestly(run):
    with run() as server:
        long = server.listen("long/m")
        told = time.monotonic()
        server.signal(signal.SIGINT)
        assert server.process.wait(15) == 0
        assert time.monotonic() - told < 10
        assert b"server_shutdown" in long.result()


# F2


class Reloaded:
    """What clients saw of a server that was told to reload while they listened."""

    def __init__(self, server, config):
        with server.connection() as kept:
            assert _status(kept, "/livez") == 200
            self.short, self.long = server.listen("short/m"), server.listen("long/m")
            self.health = Health(server)
            server.write(config + '\n[model.fresh]\ntargets = ["plain/m"]\n')
            server.write("UP_KEY=second-token\n", ".env")
            self.unknown = server.ask("fresh")[0]
            self.old = server.reload()
            self.kept = _status(kept, "/readyz")
        wait_for(lambda: server.ask("fresh")[0] == 200)  # an old worker takes what comes until it is told
        self.fresh = {server.ask("fresh")[0] for _ in range(5)}
        self.heard = [listener.result() for listener in (self.short, self.long)]
        wait_for(lambda: not set(self.old) & set(server.workers), GRACE + 5)
        self.statuses = self.health.end()
        self.lines, self.said = server.logged(), server.said


class Health:
    """A health check that asks on and on."""

    def __init__(self, server):
        self._server = server
        self._statuses = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._check, daemon=True)
        self._thread.start()

    def end(self):
        """The statuses that there were."""
        self._over.set()
        self._thread.join(10)
        return self._statuses

    def _check(self):
        while not self._over.wait(0.02):
            try:
                self._statuses.append(self._server.get("/readyz")[0])
            except OSError as error:
                self._statuses.append(repr(error))


@pytest.fixture(scope="module")
def reloaded(run, config):
    with run("--graceful-timeout", str(GRACE)) as server:
        return Reloaded(server, config)


def test_F2_a_stream_that_fits_the_time_finishes(reloaded):
    assert (reloaded.short.whole, reloaded.short.body.endswith(b"data: [DONE]\n\n")) == (True, True)


def test_F2_one_that_does_not_ends_with_an_error_event(reloaded):
    assert reloaded.long.error["code"] == "server_shutdown"
    assert b"[DONE]" not in reloaded.long.body
    assert ("long/m", "server_shutdown") in [(line["model"], line["error"]) for line in reloaded.lines]


def test_F2_new_requests_meet_the_new_configuration(reloaded):
    assert (reloaded.unknown, reloaded.fresh) == (404, {200})


def test_F2_nobody_else_notices(reloaded):
    assert set(reloaded.statuses) == {200}
    assert reloaded.kept == 200


def test_F2_the_old_worker_ends_by_itself(reloaded):
    assert "WORKER TIMEOUT" not in reloaded.said
    assert "was sent SIG" not in reloaded.said


# F3


def test_F3_a_stream_of_a_killed_worker_is_seen_to_be_cut_and_the_next_request_works(run):
    with run() as server:
        long = server.listen("long/m")
        os.kill(server.workers[0], signal.SIGKILL)
        long.result()
        assert (long.whole, long.error, b"[DONE]" in long.body) == (False, None, False)
        assert server.ask("plain/m")[0] == 200


# F4


def test_F4_the_next_request_goes_with_the_token_that_env_has_now(run, upstream):
    with run() as server:
        for token in ("first-token", "second-token"):
            server.write(f"UP_KEY={token}\n", ".env")
            assert server.ask("plain/m")[0] == 200
            assert upstream.requests[-1].headers["authorization"] == f"Bearer {token}"
        assert "-token" not in server.said


# F5


@pytest.fixture
def begin(tmp_path):
    """Runs a command with this configuration and this `.env` beside it, and gives its outcome."""

    def run_command(command, config, env_file=None, mode=0o600):
        (tmp_path / "llmproxy.toml").write_text(config, encoding="utf-8")
        if env_file is not None:
            (tmp_path / ".env").write_bytes(env_file)
            (tmp_path / ".env").chmod(mode)
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        environ["LLMPROXY_CONFIG"] = str(tmp_path / "llmproxy.toml")
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)

    return run_command


LLM = '[llm.x]\nprovider = "openai"\nbase_url = "http://127.0.0.1:9/v1"\ntoken_env = "X_KEY"\n'
CLIENT = '[client.x]\ntoken_env = "X_KEY"\n'


CHECK = (sys.executable, "-m", "llmproxy", "check")


@pytest.mark.parametrize(
    "env_file",
    [None, b"X_KEY=canary-value\n", b"X_KEY=canary-value\r\nOTHER=1\r\n", b"  X_KEY = 'canary-value'  \n"],
    ids=["missing", "plain", "crlf", "spaces and quotes"],
)
def test_F5_what_can_be_read_is_fine(begin, env_file):
    ended = begin([*CHECK, "--json"], LLM, env_file)
    [llm] = [llm for llm in json.loads(ended.stdout)["llms"] if llm["name"] == "x"]
    assert (ended.returncode, llm["on"]) == (0, env_file is not None)


@pytest.mark.parametrize(
    ("config", "env_file", "told"),
    [
        (LLM, b"OTHER=1\nX_KEY canary-value\n", ".env:2: "),
        (LLM, b"ADMIN=1\nLLMPROXY_ADMIN_TOKEN=\n", "LLMPROXY_ADMIN_TOKEN is set but empty"),
        (CLIENT, b"X_KEY=\n", "X_KEY is set but empty"),
        (LLM, b"LLMPROXY_THREADS=canary-value\n", "LLMPROXY_THREADS"),
    ],
    ids=["no name", "empty admin", "empty client", "no number"],
)
def test_F5_what_cannot_ends_the_start_by_name_and_never_by_value(begin, config, env_file, told):
    ended = begin(GUNICORN, config, env_file)
    assert (ended.returncode, told in ended.stderr, "Traceback" in ended.stderr) == (2, True, False)
    assert "canary-value" not in ended.stderr + ended.stdout


def test_F5_an_empty_token_counts_as_absent(begin):
    llms = {llm["name"]: llm for llm in json.loads(begin([*CHECK, "--json"], LLM, b"X_KEY=\n").stdout)["llms"]}
    assert (llms["x"]["on"], "X_KEY" in llms["x"]["reason"]) == (False, True)


def test_F5_a_file_that_all_may_read_is_worth_a_warning(begin):
    assert "chmod 600" in begin(CHECK, LLM, b"X_KEY=canary-value\n", mode=0o644).stdout


def test_F5_a_client_whose_variable_is_absent_cannot_call_and_nobody_else_can(begin, tmp_path):
    assert "[client.x] cannot call" in begin(CHECK, CLIENT).stdout
    with served(tmp_path, CLIENT) as server:
        assert server.ask("echo")[0] == 401


# F6


def test_F6_a_configuration_that_is_wrong_is_told_at_the_start(begin):
    ended = begin(GUNICORN, "[server]\nprot = 1\n")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "llmproxy.toml:2: unknown key" in ended.stderr


BROKEN = "[server]\nprot = 1\nthraeds = 2\n"
WAYS = {"gunicorn": GUNICORN, "serve": SERVE}


@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_F6_one_that_is_wrong_at_a_reload_changes_nothing(run, command):
    with run("--graceful-timeout", str(GRACE), command=command) as server:
        server.write(BROKEN)
        old = server.reload()
        assert server.ask("plain/m")[0] == 200
        [line] = [line for line in server.said.splitlines() if "[ERROR]" in line]
        assert line.count("unknown key") == 2
        # Nor is it what a worker begins with that has to replace another.
        server.write("no line of NAME=value\n", ".env")
        wait_for(lambda: not set(old) & set(server.workers))
        os.kill(server.workers[0], signal.SIGKILL)
        assert server.ask("echo")[0] == 200
        assert "App failed to load" not in server.said


def test_F6_what_was_not_reloaded_is_not_in_a_new_worker_either(run, config):
    with run() as server:
        server.write(config + '\n[model.fresh]\ntargets = ["plain/m"]\n')
        os.kill(server.workers[0], signal.SIGKILL)
        assert server.ask("fresh")[0] == 404


def test_F6_address_and_threads_are_those_of_the_start(run, config):
    with run("--graceful-timeout", str(GRACE)) as server:
        server.write(config.replace("[server]", "[server]\nport = 1\nthreads = 3"))
        server.reload()
        assert server.ask("echo")[0] == 200
        assert "[server] port, threads: changed" in server.said


# F8


def test_F8_requests_do_not_mind_that_nobody_reads_the_log(tmp_path):
    reader, writer = os.pipe()
    with served(tmp_path, "", output=writer) as server:
        os.close(writer)
        os.close(reader)
        assert [server.ask("echo")[0] for _ in range(3)] == [200, 200, 200]
        server.signal(signal.SIGHUP)
        time.sleep(2)
        assert server.ask("echo")[0] == 200


# F10

JUMPING = """
import random, time

real = time.time
time.time = lambda: real() + random.choice((-3600, 0, 3600))
"""
HASTY = """
[llm.hasty]
provider = "openai"
base_url = "{up}/@stall_midway/v1"
token_env = "UP_KEY"
timeouts = {{ idle_secs = 1 }}

[plugins]
paths = ["plugins"]
"""


def test_F10_a_clock_that_jumps_by_an_hour_stops_nothing_and_nobody(tmp_path, config, upstream):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "jumping_clock.py").write_text(JUMPING, encoding="utf-8")
    with served(tmp_path, config + HASTY.format(up=upstream.origin), env_file=TOKEN) as server:
        assert [server.ask("plain/m")[0] for _ in range(5)] == [200] * 5
        began = time.monotonic()
        stalled = server.listen("hasty/m")
        assert b"upstream_stream_stalled" in stalled.result()
        assert 0.9 < time.monotonic() - began < 8
        short = server.listen("short/m")
        assert short.result().endswith(b"data: [DONE]\n\n")


# F11


def test_F11_two_workers_never_share_a_connection(run):
    with run("--workers", "2") as server:
        wait_for(lambda: len(server.workers) == 2)
        listeners = [server.listen("long/m") for _ in range(12)]
        one, other = (connections(pid) for pid in server.workers)
        assert len(one | other) >= 2 * len(listeners)
        assert one & other == set()
        assert all(not listener.ended for listener in listeners)
