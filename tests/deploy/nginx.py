"""Debian's nginx with one file of `conf.d`, in a folder of its own; it needs no root."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from gunicorns import ROOT, free_port

EXAMPLE = ROOT / "examples" / "nginx" / "llmproxy.conf"
START_SECS = 10

EVENTS = "events { worker_connections 1024; }"
MAIN = """
daemon off;
user root;  # ignored where it is not root that starts it
worker_processes 1;
pid pid;
{top}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include {file};
}}
"""


@contextlib.contextmanager
def nginx(folder, proxy_port, *edits, port_in="listen 80", top=EVENTS):
    """nginx in front of a proxy, as the example has it but for its ports and its log; gives its own port.

    Args:
        proxy_port: None where an edit says what is behind.
        edits: Pairs of what else stands in the file, and what is to stand there.
        port_in: Where the file says at which port it listens, after the edits.
        top: What stands in `nginx.conf` above `http`.
    """
    port = free_port()
    edits = [*edits, (port_in, f"listen 127.0.0.1:{port}"), ("/var/log/nginx/", f"{folder}/")]
    if proxy_port is not None:
        edits.append(("127.0.0.1:3000", f"127.0.0.1:{proxy_port}"))
    with running(folder, edited(EXAMPLE.read_text(encoding="utf-8"), *edits), port, top):
        yield port


def edited(text, *edits):
    """The text with each of these, which stands there once, replaced."""
    for written, wanted in edits:
        assert text.count(written) == 1, written
        text = text.replace(written, wanted)
    return text


@contextlib.contextmanager
def running(folder, text, port, top):
    """nginx with this file, which makes it listen at the port."""
    (folder / "llmproxy.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(MAIN.format(top=top, file=folder / "llmproxy.conf"), encoding="utf-8")
    log = folder / "error.log"
    command = [program(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(log)]
    with log.open("ab") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until_listening(port, server, log)
        yield
    finally:
        server.terminate()
        server.wait(START_SECS)


def program():
    """Where nginx is; without it the test is skipped."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("nginx is not installed (Debian's nginx-light is enough)")
    return found


def wait_until_listening(port, server, log: Path):
    end = time.monotonic() + START_SECS
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.01)
    raise AssertionError("nginx does not listen: " + log.read_text())
