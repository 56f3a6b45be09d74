"""Every block of docs/deploy.md, run as it stands there; stand-ins are for root, a domain and other machines."""

import http.client
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.nginx import edited, nginx, program
from gunicorns import ROOT, free_port
from matrix.certificates import Certificates

from llmproxy import load_config
from llmproxy.testing import FaultUpstream

TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
UNIT = ROOT / "examples" / "systemd" / "llmproxy.service"

# What makes a venv, users and services elsewhere; the commands of ours run as they are.
STAND_INS = {
    "useradd": "",
    "chgrp": "",
    "systemctl": 'echo "systemctl $@"',
    "python3": 'mkdir -p "$3/bin" && ln -s {bin}/llmproxy "$3/bin/" && printf "#!/bin/sh\\n" > "$3/bin/pip" '
    '&& chmod +x "$3/bin/pip"',
}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def block(language, word):
    """The one block of a language that holds a word."""
    (found,) = (text for text in blocks(language) if word in text)
    return found


@pytest.fixture
def run(tmp_path):
    """Runs a block as root would, all of whose folders are elsewhere; gives what it printed."""

    def run(text, **stand_ins):
        tools = tmp_path / "stand-ins"
        tools.mkdir()
        for name, script in {**STAND_INS, **stand_ins}.items():
            (tools / name).write_text("#!/bin/sh\n" + script.format(bin=Path(sys.executable).parent), encoding="utf-8")
            (tools / name).chmod(0o755)
        text = re.sub(r"(?<= )/(?=etc/|opt/|var/)|^/(?=opt/)", f"{tmp_path}/", text, flags=re.MULTILINE)
        command = ["bash", "-euc", f"PATH={tools}:$PATH\n{text}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "llmproxy.toml").write_text(block("toml", "trusted_proxies"), encoding="utf-8")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=token\nAPP_PROXY_KEY=key\n", encoding="utf-8")
    return run


def test_every_block_is_run_here():
    found = {language: len(blocks(language)) for language in re.findall(r"^```(\w+)$", TEXT, re.MULTILINE)}
    assert found == {"text": 1, "shell": 2, "toml": 1, "ini": 2, "nginx": 4}


def test_the_service_is_installed_and_its_configuration_can_be_used(run, tmp_path):
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    printed = run(block("shell", "useradd"))
    assert "can be used" in printed
    assert printed.endswith("systemctl daemon-reload\nsystemctl enable --now llmproxy\n")
    assert (tmp_path / "etc/systemd/system/llmproxy.service").read_bytes() == UNIT.read_bytes()


def test_nginx_takes_its_file(run, tmp_path):
    (tmp_path / "etc/nginx/conf.d").mkdir(parents=True)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/etc/nginx/conf.d/*.conf; }}", encoding="utf-8"
    )
    printed = run(block("shell", "nginx -t"), nginx=f'exec {program()} "$@" -c {tmp_path}/nginx.conf -e stderr')
    assert "test is successful" in printed


def test_the_configuration_believes_nginx_and_knows_its_client(folder):
    (folder / "llmproxy.toml").write_text(block("toml", "trusted_proxies"), encoding="utf-8")
    config = load_config(folder / "llmproxy.toml")
    assert (config.server.trusted_proxies, list(config.clients)) == (1, ["app"])


@pytest.mark.parametrize("word", ["LoadCredential", "--graceful-timeout"])
def test_systemd_takes_what_is_added_to_the_unit(word, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (it comes with Debian's systemd)")
    unit = UNIT.read_text(encoding="utf-8").replace("/opt/llmproxy/bin/llmproxy", sys.executable)
    (tmp_path / UNIT.name).write_text(unit + block("ini", word), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", tmp_path / UNIT.name], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_systemd_waits_for_longer_than_streams_may_take():
    text = block("ini", "--graceful-timeout")
    assert int(re.search(r"TimeoutStopSec=(\d+)", text)[1]) > int(re.search(r"--graceful-timeout (\d+)", text)[1])


@pytest.fixture
def up():
    with FaultUpstream() as upstream:
        yield upstream


def status(connection):
    connection.request("POST", "/v1/chat/completions", "{}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_nginx_serves_tls(up, tmp_path):
    certificates = Certificates(tmp_path)
    given = block("nginx", "ssl_certificate").strip()
    files = re.findall(r"ssl_certificate(?:_key)? (\S+);", given)
    tls = edited(given, (files[0], f"{tmp_path}/good.pem"), (files[1], f"{tmp_path}/good.key"))
    with nginx(tmp_path, up.port, ("listen 80;", tls), port_in="listen 443") as port:
        context = ssl.create_default_context(cafile=certificates.authority)
        assert status(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) == 200
    assert up.requests[-1].headers["x-forwarded-proto"] == "https"


def test_an_instance_that_is_not_there_is_passed_over(up, tmp_path):
    servers = block("nginx", "least_conn").strip()
    servers = edited(servers, ("10.0.0.1:3000", f"127.0.0.1:{free_port()}"), ("10.0.0.2:3000", f"127.0.0.1:{up.port}"))
    edits = [
        ("server 127.0.0.1:3000;", servers),
        ("proxy_next_upstream off;", block("nginx", "proxy_next_upstream").strip()),
    ]
    with nginx(tmp_path, None, *edits) as port:
        assert {status(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) for _ in range(4)} == {200}
        up.play("close_before_answer")
        assert status(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) == 502
    assert len(up.requests) == 5


def test_nginx_has_connections_enough(up, tmp_path):
    with nginx(tmp_path, up.port, top=block("nginx", "worker_connections")) as port:
        assert status(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) == 200
