"""What is measured: the upstream itself, the bare view and llmproxy, started side by side and surely ended.

The bare view and llmproxy run under one and the same gunicorn command line; llmproxy's own `gunicorn.conf.py`
and defaults do the rest. Both get the environment that this program has, as any server does, but for what would send
them elsewhere: proxies, keys, and settings of ours and of gunicorn's.
"""

import http.client
import math
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

from upstream import HOST

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMES = ("direct", "bare", "llmproxy")

START_SECS = 30  # how long a target may take to answer for the first time
STOP_SECS = 5  # how long it may take to end by itself
CONFIG = """
[server]
auth = "none"

[llm.openai]
provider = "openai"
base_url = "{base_url}"
"""
LEFT_OUT = re.compile(r".*_(PROXY|API_KEY|TOKEN)|(LLMPROXY|GUNICORN)_.*|NETRC", re.IGNORECASE)


class DoesNotStart(Exception):
    """A target did not answer. The message ends with the last lines of its log."""


class Memory(NamedTuple):
    """Of all processes of a target, in MB. PSS counts a shared page once; None when it may not be read."""

    rss: float
    pss: float | None


class Server:
    """One target: a process group of its own, with its output in a log file."""

    def __init__(
        self, name: str, port: int, command: list[str], cwd: Path, env: dict[str, str], log: Path, cpu: int | None
    ) -> None:
        self.name = name
        self.port = port
        self.start_secs = math.nan  # until it has answered
        self._log = log
        self._spawned = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if cpu is not None:
            os.sched_setaffinity(self._process.pid, {cpu})

    def wait_until_alive(self) -> None:
        """Raises DoesNotStart when it ends, or is still silent after START_SECS."""
        while not is_alive(self.port):
            if self._process.poll() is not None:
                raise DoesNotStart(f"{self.name} ended with status {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > self._spawned + START_SECS:
                raise DoesNotStart(f"{self.name} did not answer within {START_SECS} s:\n{self.log_tail()}")
            time.sleep(0.005)
        self.start_secs = time.monotonic() - self._spawned

    def stop(self) -> None:
        """Ends the whole group: asks first, then insists. A process that has already ended is left alone."""
        if self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def cpu_secs(self) -> float:
        """What all its living processes have used so far."""
        ticks = sum(int(ticks) for stat in self._stats().values() for ticks in stat[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> Memory:
        processes = [Path("/proc", pid) for pid in self._stats()]
        rss = sum(kilobytes(process / "status", "VmRSS:") for process in processes)
        try:
            return Memory(rss / 1024, sum(kilobytes(process / "smaps_rollup", "Pss:") for process in processes) / 1024)
        except OSError:
            return Memory(rss / 1024, None)

    def threads(self) -> int:
        return sum(int(stat[17]) for stat in self._stats().values())

    def open_files(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self._stats())

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def _stats(self) -> dict[str, list[str]]:
        """The fields of /proc/PID/stat, from the state on, of every process in the group."""
        stats = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            if int(fields[2]) == self._process.pid:
                stats[path.parent.name] = fields
        return stats


class Fleet:
    """Starts targets, and ends every one of them when its `with` block ends, however it ends.

    Args:
        threads: Of the one gunicorn worker.
        pinned: Give the first CPU to the targets, and the second one to the upstream and the load generator.
        worker_class: For gunicorn's command line; None leaves it to the configuration, which with several threads is
            gthread or what `gunicorn.conf.py` makes of it.
    """

    def __init__(self, threads: int, pinned: bool = True, worker_class: str | None = None) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        self.is_pinned = pinned and len(cpus) > 1
        self._target_cpu = cpus[0] if self.is_pinned else None
        self._load_cpu = cpus[1] if self.is_pinned else None
        self._gunicorn = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
        self._gunicorn += ["--workers", "1", "--threads", str(threads)]
        if worker_class:
            self._gunicorn += ["--worker-class", worker_class]
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="llmproxy-load-")))

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if self._load_cpu is not None:
            os.sched_setaffinity(0, {self._load_cpu})
        port = free_port()
        command = [sys.executable, "upstream.py", "--port", str(port)]
        try:
            self.upstream = self._start("direct", port, command, HERE, {}, self._load_cpu)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, name: str) -> Server:
        """A target that answers; the direct one is the upstream. Raises DoesNotStart."""
        if name == "direct":
            return self.upstream
        base_url = f"http://{HOST}:{self.upstream.port}/v1"
        if name == "llmproxy":
            return self.start_proxy(CONFIG.format(base_url=base_url))
        port = free_port()
        command = [*self._gunicorn, "--bind", f"{HOST}:{port}", "bare:app"]
        return self._start(name, port, command, HERE, {"UPSTREAM": base_url}, self._target_cpu)

    def start_proxy(self, config: str, **env: str) -> Server:
        """llmproxy with a configuration and variables of its own. Raises DoesNotStart."""
        path = self._new_folder() / "llmproxy.toml"
        path.write_text(config)
        port = free_port()
        command = [*self._gunicorn, "--bind", f"{HOST}:{port}", "wsgi:app"]
        return self._start("llmproxy", port, command, ROOT, {"LLMPROXY_CONFIG": str(path), **env}, self._target_cpu)

    def _start(
        self, name: str, port: int, command: list[str], cwd: Path, extra_env: dict[str, str], cpu: int | None
    ) -> Server:
        env = {name: value for name, value in os.environ.items() if not LEFT_OUT.fullmatch(name)} | extra_env
        server = Server(name, port, command, cwd, env, self._new_folder() / "log", cpu)
        self._stack.callback(server.stop)
        server.wait_until_alive()
        return server

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_alive(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def kilobytes(path: Path, name: str) -> int:
    """One line of a file in /proc, 0 when it is not there."""
    return next((int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(name)), 0)
