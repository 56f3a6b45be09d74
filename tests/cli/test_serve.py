import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from gunicorns import free_port, stop, wait_until_alive

SERVE = [sys.executable, "-m", "llmproxy", "serve"]


class Served:
    """A running `llmproxy serve`, and what it has said so far."""

    def __init__(self, process, log):
        self.process = process
        self._log = log

    @property
    def said(self):
        return self._log.read_text()

    @property
    def url(self):
        return re.search(r"Address: (http://\S+)\n", self.said)[1]

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def serve(folder):
    """Starts `llmproxy serve` and waits until it answers; it is ended after the test."""
    started = []

    def start(*arguments, **env):
        log = folder / "serve.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [*SERVE, *arguments], stdout=output, stderr=output, env={**os.environ, **env}, start_new_session=True
            )
        started.append(process)
        served = Served(process, log)
        wait_for_banner(served)
        wait_until_alive(int(served.url.rpartition(":")[2]), process)
        return served

    yield start
    for process in started:
        stop(process)


def wait_for_banner(served):
    """Returns once it has been written; a process that ends before fails the test."""
    while "Try it: " not in served.said:
        assert served.process.poll() is None, served.said
        time.sleep(0.02)


@pytest.fixture
def replaced(monkeypatch):
    """What the process would have become, in its place."""
    calls = []
    monkeypatch.setattr(os, "execvp", lambda *call: calls.append(call))
    return calls


def refused(*arguments, **env):
    """The outcome of a `serve` that ends by itself."""
    return subprocess.run([*SERVE, *arguments], capture_output=True, text=True, env={**os.environ, **env}, timeout=30)


def test_it_serves_with_no_config_and_no_key(serve):
    assert serve("--port", str(free_port())).get("/v1/models")["data"][0]["id"] == "echo"


def test_port_0_takes_a_free_port_and_says_which(serve):
    served = serve("--port", "0")

    assert not served.url.endswith(":0")
    assert served.get("/livez") == {"status": "ok"}


def test_the_process_becomes_gunicorn_itself(serve):
    served = serve("--port", "0")

    assert f"({served.process.pid})" in re.search(r"\[INFO\] Listening at: .*", served.said)[0]


def test_sigterm_ends_it_well(serve):
    served = serve("--port", "0")
    served.process.send_signal(signal.SIGTERM)

    assert served.process.wait(10) == 0


def test_the_command_to_try_works(serve):
    served = serve("--port", "0")
    words = shlex.split(re.search(r"Try it:  (.*)", served.said)[1])
    name, _, value = words[words.index("-H") + 1].partition(": ")
    request = urllib.request.Request(words[1], words[-1].encode(), {name: value})

    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"] == "Hello!"


def test_the_config_file_and_its_env_file_are_those_of_the_server_too(serve, write):
    config = '[llm.parrot]\nprovider = "echo"\nmodels = ["polly"]\n[client.ci]\ntoken_env = "CI_KEY"'
    path = write(config, "else/x.toml")
    write("CI_KEY=let-me-in-please", "else/.env").chmod(0o600)
    served = serve("--port", "0", "-c", os.path.relpath(path))
    request = urllib.request.Request(f"{served.url}/v1/models", headers={"Authorization": "Bearer let-me-in-please"})

    with urllib.request.urlopen(request, timeout=10) as answer:
        assert [model["id"] for model in json.load(answer)["data"]] == ["polly", "echo"]


def test_gunicorn_is_told_bind_workers_and_threads_and_no_more(run, replaced):
    port = str(free_port())

    run("serve", "--port", port, "--workers", "2", "--threads", "7")

    (program, arguments) = replaced[0]
    told = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "7"]
    rest = ["-c", "python:llmproxy.server.settings", "llmproxy.app:create_app()"]
    assert (program, arguments) == (sys.executable, [sys.executable, "-m", "gunicorn", *told, *rest])


def test_the_workers_learn_of_the_options_by_their_environment(run, replaced, write):
    write("", "else/x.toml")

    run("serve", "-c", "else/x.toml", "--host", "localhost", "--port", "0", "--threads", "7")

    assert os.environ["LLMPROXY_CONFIG"] == os.path.abspath("else/x.toml")
    assert (os.environ["LLMPROXY_HOST"], os.environ["LLMPROXY_THREADS"]) == ("localhost", "7")
    assert replaced[0][1][4] == f"localhost:{os.environ['LLMPROXY_PORT']}"
    assert "LLMPROXY_WORKERS" not in os.environ


def test_the_rest_can_be_told_by_gunicorns_own_variable(folder):
    printed = refused("--port", "0", "--threads", "7", GUNICORN_CMD_ARGS="--print-config --keep-alive 3 --threads 2")
    values = dict(re.findall(r"^(\w+) += (.*)$", printed.stdout, re.MULTILINE))

    assert (values["keepalive"], values["threads"]) == ("3", "7")
    assert values["worker_class"] == "llmproxy.server.worker.StreamWorker"


def test_options_win_over_the_environment_and_that_over_the_file(run, replaced, write):
    write("[server]\nport = 1\nworkers = 2\nthreads = 3")

    run("serve", "--port", "0", env={"LLMPROXY_PORT": "2", "LLMPROXY_WORKERS": "5"})

    assert replaced[0][1][5:9] == ["--workers", "5", "--threads", "3"]


def test_an_ipv6_address_gets_its_brackets(run, replaced):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")

    run("serve", "--host", "::1", "--port", "0")

    assert replaced[0][1][4].startswith("[::1]:")


def test_every_problem_of_the_configuration_is_told_and_nothing_is_started(write):
    write("[server]\nprot = 1\n\n[llm.a]\nprovider = 'opnai'\n")

    ended = refused()

    assert (ended.returncode, ended.stdout) == (2, "")
    assert [line.partition(": ")[0] for line in ended.stderr.splitlines()] == ["llmproxy.toml:2", "llmproxy.toml:5"]


def test_an_option_out_of_range_is_a_problem(run, replaced):
    result = run("serve", "--port", "99999")

    assert (result.exit_code, result.stderr) == (2, "--port must be a whole number from 0 to 65535\n")
    assert replaced == []


def test_listening_to_the_world_without_clients_is_refused(run, replaced):
    result = run("serve", "--host", "0.0.0.0")

    assert result.exit_code == 2
    assert "reachable from other machines" in result.stderr
    assert replaced == []


def test_a_busy_port_is_named_in_one_line(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = refused("--port", address.partition(":")[2])

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.count("\n") == 1
    assert address in ended.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "two..dots"])
def test_an_address_that_is_not_this_machines_is_a_problem(run, replaced, host):
    result = run("serve", "--host", host, "--port", "0", env={"LLMPROXY_AUTH": "none"})

    assert result.exit_code == 2
    assert f"cannot listen at {host}:0" in result.stderr
    assert replaced == []


def test_it_does_not_wait_for_flask_to_be_imported(folder):
    asked = "import sys, llmproxy.cli.serve; sys.exit('flask' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", asked]).returncode == 0
