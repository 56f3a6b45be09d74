"""A running server seen from outside: its processes, its log, and clients of it."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from gunicorns import KEPT, ROOT, free_port, stop, wait_until_alive

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
GUNICORN = (sys.executable, "-m", "gunicorn", "wsgi:app")
SERVE = (sys.executable, "-m", "llmproxy", "serve", "-c", "{config}", "--port", "{port}")


class Served:
    """A server and its folder. Both its output and its error go to the log."""

    def __init__(self, process, port, folder):
        self.process = process
        self.port = port
        self.folder = folder

    @property
    def said(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def workers(self):
        """The ids of its workers, the eldest first."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        booted = {int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", self.said)}
        return [int(pid) for pid in children.split() if int(pid) in booted]

    def logged(self):
        """The facts of the requests that have finished."""
        written = self.said.split("\n")[:-1]  # the last may be half a line
        lines = [json.loads(line) for line in written if line.startswith("{")]
        return [line for line in lines if line["message"] == "request finished"]

    def write(self, text, name="llmproxy.toml"):
        """Writes one of its files."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        """Has it reload; returns once there are new workers. The old ones are told to end next."""
        before = self.workers
        self.signal(signal.SIGHUP)
        wait_for(lambda: set(self.workers) - set(before), 20)
        wait_until_alive(self.port, self.process)
        return before

    def get(self, path, timeout=10):
        """Status, headers and body of an answer on a connection of its own."""
        with self.connection(timeout) as connection:
            connection.request("GET", path, headers={"Connection": "close"})
            return _read(connection.getresponse())

    def ask(self, model="echo", path=CHAT, timeout=15, headers=None, **members):
        """Status, headers and body of the answer to a question."""
        with self.connection(timeout) as connection:
            self.begin(connection, model, path, headers, **members)
            return _read(connection.getresponse())

    def begin(self, connection, model, path=CHAT, headers=None, **members):
        messages = [{"role": "user", "content": "hello"}]
        body = json.dumps({"model": model, "messages": messages, "max_tokens": 9, **members})
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})

    @contextlib.contextmanager
    def connection(self, timeout=10):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            yield connection

    def socket(self, *sent, timeout=10):
        """A bare connection on which this was sent."""
        connected = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        for piece in sent:
            connected.sendall(piece)
        return connected

    def listen(self, model, path=CHAT, events=1):
        """A client that listens to a stream, in a thread; it has heard so many events already."""
        listener = Listener(self, model, path)
        wait_for(lambda: listener.body.count(b"\n\n") >= events or listener.ended, 15)
        return listener


class Listener:
    """A client that reads a stream to its end.

    Attributes:
        whole: Whether the body ended as chunks do. None: it goes on.
    """

    def __init__(self, served, model, path):
        self.body = b""
        self.whole = None
        self.ended = False
        self._thread = threading.Thread(target=self._read, args=(served, model, path), daemon=True)
        self._thread.start()

    def result(self, timeout=30):
        """What it has heard in all."""
        self._thread.join(timeout)
        assert self.ended
        return self.body

    @property
    def error(self):
        """The error of the last event, if it is one."""
        last = self.body.rstrip().rpartition(b"data: ")[2]
        return json.loads(last).get("error") if last.startswith(b"{") else None

    def _read(self, served, model, path):
        with served.connection(30) as connection:
            served.begin(connection, model, path, stream=True)
            response = connection.getresponse()
            try:
                while piece := response.read1(65536):
                    self.body += piece
                self.whole = True
            except (http.client.IncompleteRead, ConnectionError):
                self.whole = False
        self.ended = True


@contextlib.contextmanager
def served(folder, config, *arguments, command=GUNICORN, env_file="", output=None, **environ):
    """A server of a folder's own with this configuration, behind the real command.

    Args:
        output: A file descriptor to take what it says. None: it goes into the log.
    """
    port = free_port()
    running = Served(None, port, folder)
    running.write(config)
    running.write(env_file, ".env")
    environ = {**{name: os.environ[name] for name in KEPT if name in os.environ}, **environ}
    words = [word.format(config=folder / "llmproxy.toml", port=port) for word in command]
    if command is GUNICORN:
        environ["LLMPROXY_CONFIG"] = str(folder / "llmproxy.toml")
        words += ["--bind", f"127.0.0.1:{port}", *arguments]
    else:
        environ["GUNICORN_CMD_ARGS"] = " ".join(arguments)
    with open(folder / "log", "wb") as log:
        log = log if output is None else output
        process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True)
    running.process = process
    try:
        wait_until_alive(port, process)
        yield running
    finally:
        process.send_signal(signal.SIGINT)  # what still goes on need not finish
        stop(process)


def wait_for(condition, seconds=10):
    """Waits until something is true, or fails; returns what was true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def connections(pid):
    """The established TCP connections that a process has."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    held = {os.readlink(file).removeprefix("socket:[").removesuffix("]") for file in files}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[9] for line in lines if line[3] == "01"} & held


def _read(response):
    headers = {name.lower(): value for name, value in response.headers.items()}
    return response.status, headers, response.read()
