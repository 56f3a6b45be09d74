"""The real command: `gunicorn wsgi:app` as a user would start it, in a process group of its own."""

import contextlib
import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECS = 20
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@contextlib.contextmanager
def gunicorn(config_file, *arguments, log=None, **environ):
    """The proxy behind gunicorn; gives its port. Nothing of the caller's environment reaches it but what it needs."""
    port = free_port()
    environ = {**{name: os.environ[name] for name in KEPT if name in os.environ}, **environ}
    environ["LLMPROXY_CONFIG"] = str(config_file)
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}", *arguments]
    with open(log or os.devnull, "ab") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_until_alive(port, server)
        yield port
    finally:
        stop(server)


# Below those that systems give out by themselves, and others for each process of the tests: between choosing a port and
# listening at it, nobody else may choose it.
_MINE = 12_000 + 4_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5)
_PORTS = itertools.islice(itertools.cycle(range(_MINE, _MINE + 4_000)), os.getpid() % 4_000, None)


def free_port():
    """A port that nobody uses just now."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there are always more")


def wait_until_alive(port, server):
    """Returns once `/livez` answers."""
    end = time.monotonic() + START_SECS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise AssertionError(f"gunicorn ended with {server.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/livez")
            alive = connection.getresponse().status == 200
        except OSError:
            alive = False
        finally:
            connection.close()
        if alive:
            return
        time.sleep(0.05)
    raise AssertionError("gunicorn does not answer")


def stop(server):
    """Ends the server and its workers."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(5)
