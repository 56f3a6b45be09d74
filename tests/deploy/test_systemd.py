"""The unit that is in `examples/`: what it says is so, and its commands do what it says."""

import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gunicorns import KEPT, ROOT, free_port, stop, wait_until_alive

UNIT = ROOT / "examples" / "systemd" / "llmproxy.service"
PROGRAM, FOLDER = "/opt/llmproxy/bin/llmproxy", "/etc/llmproxy"
OURS = Path(sys.executable).parent / "llmproxy"


@pytest.fixture(scope="module")
def unit():
    parser = configparser.ConfigParser(delimiters="=", interpolation=None)
    parser.optionxform = str
    parser.read(UNIT, encoding="utf-8")
    return parser


@pytest.fixture
def service(unit, folder):
    """The service, started as systemd would; gives its process, its port, and what it tells systemd."""
    port = free_port()
    (folder / "llmproxy.toml").write_text(f"[server]\nport = {port}\n", encoding="utf-8")
    command = unit["Service"]["ExecStart"].replace(PROGRAM, str(OURS)).replace(FOLDER, str(folder))
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    environ |= dict([unit["Service"]["Environment"].split("=", 1)])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, open(folder / "log", "wb") as log:
        told.bind(str(folder / "notify"))
        told.settimeout(20)
        environ["NOTIFY_SOCKET"] = str(folder / "notify")
        process = subprocess.Popen(
            shlex.split(command), cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process, port, told
        finally:
            stop(process)


def workers(process):
    """The ids of the processes that the service's first one has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return {int(each) for each in children.split()}


def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (it comes with Debian's systemd)")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, str(OURS)), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_it_says_when_it_listens_is_reloaded_and_ends_within_its_time(unit, service):
    process, port, told = service
    assert b"READY=1" in told.recv(1024)
    wait_until_alive(port, process)
    first = workers(process)
    reload = unit["Service"]["ExecReload"].replace("$MAINPID", str(process.pid))
    subprocess.run(shlex.split(reload), check=True)
    end = time.monotonic() + 20
    while workers(process) & first or not workers(process):
        assert time.monotonic() < end
        time.sleep(0.05)
    wait_until_alive(port, process)
    process.send_signal(signal.Signals[unit["Service"]["KillSignal"]])
    assert process.wait(int(unit["Service"]["TimeoutStopSec"])) == 0


def test_a_configuration_that_cannot_be_used_is_not_tried_again(unit, folder):
    (folder / "llmproxy.toml").write_text("[server]\nprot = 1\n", encoding="utf-8")
    command = unit["Service"]["ExecStart"].replace(PROGRAM, str(OURS)).replace(FOLDER, str(folder))
    ended = subprocess.run(shlex.split(command), capture_output=True, text=True)
    assert "unknown key" in ended.stderr
    assert str(ended.returncode) in unit["Service"]["RestartPreventExitStatus"].split()


def test_its_time_and_its_files_are_enough(unit, gunicorn_seconds):
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > gunicorn_seconds["graceful_timeout"]
    assert int(service["LimitNOFILE"]) > 2 * gunicorn_seconds["worker_connections"]


def test_its_folders_are_those_that_it_uses(unit):
    service = unit["Service"]
    assert service["WorkingDirectory"] == FOLDER
    state = re.fullmatch(r"LLMPROXY_STATE=sqlite:///(/.*)/llmproxy\.db", service["Environment"])
    assert state[1] == f"/var/lib/{service['StateDirectory']}"
