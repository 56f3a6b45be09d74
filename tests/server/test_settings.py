"""gunicorn's settings as gunicorn itself reads them, in both ways there are."""

import os
import re
import subprocess
import sys

import pytest
from gunicorn.config import KNOWN_SETTINGS
from gunicorns import KEPT, ROOT

SETTINGS = ROOT / "llmproxy" / "server" / "settings.py"


def printed(folder, *arguments):
    """The value of each of gunicorn's settings, as it prints them."""
    (folder / "llmproxy.toml").write_text("[server]\nthreads = 7\nworkers = 2\n", encoding="utf-8")
    environ = {name: os.environ[name] for name in KEPT if name in os.environ}
    command = [sys.executable, "-m", "gunicorn", *arguments, "--print-config"]
    environ["LLMPROXY_CONFIG"] = str(folder / "llmproxy.toml")
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    return dict(re.findall(r"^(\w+) += (.*)$", ended.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return printed(tmp_path_factory.mktemp("settings"), "wsgi:app")


def test_a_checkout_and_the_package_have_the_same(settings, tmp_path):
    packaged = printed(tmp_path, "-c", "python:llmproxy.server.settings", "wsgi:app")
    differ = {
        name for name in settings if str(settings[name]).partition(" at 0x")[0] != packaged[name].partition(" at 0x")[0]
    }
    assert differ == {"config"}


def test_each_has_its_place_in_the_file_of_a_checkout():
    names = {setting.name for setting in KNOWN_SETTINGS}
    ours = set(re.findall(r"^(?:def )?(\w+)(?: = |\()", SETTINGS.read_text(), re.MULTILINE)) & names
    told = re.findall(r"^    (\w+),  # ", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    assert (set(told), told) == (ours, sorted(told))


def test_the_configuration_decides_how_large_it_is(settings):
    assert (settings["threads"], settings["workers"], settings["worker_connections"]) == ("7", "2", "1007")


def test_the_worker_is_ours(settings):
    assert settings["worker_class"] == "llmproxy.server.worker.StreamWorker"


def test_requests_are_read_by_the_parser_that_refuses_what_is_ambiguous(settings):
    assert settings["http_parser"] == "python"


WORKER = """
import gc, sys
from types import SimpleNamespace
from llmproxy.server import settings
settings.post_worker_init(SimpleNamespace(cfg=SimpleNamespace(threads=7)))
print(gc.get_freeze_count() > 10_000, gc.get_threshold()[0] > 700, sys.getswitchinterval() > 0.005)
"""


def test_in_a_worker_threads_are_seldom_stopped_by_the_interpreter():
    ended = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, timeout=30)
    assert ended.stdout.split() == ["True", "True", "True"]
