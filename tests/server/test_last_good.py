import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from llmproxy.server import last_good
from llmproxy.server.last_good import VARIABLE, Checked, LastGood, Unusable, check, found_before, leave_for_gunicorn

FACTS = {"server": {"bind": "127.0.0.1:1", "threads": 7}, "path": None, "text": ""}


@pytest.fixture
def write(folder, monkeypatch):
    """Writes the configuration of a working directory whose environment has none."""
    for name in [name for name in os.environ if name.startswith("LLMPROXY_")]:
        monkeypatch.delenv(name)

    def write_text(text):
        (folder / "llmproxy.toml").write_text(text, encoding="utf-8")

    return write_text


@pytest.fixture
def problems(caplog):
    """What was logged as an error, as messages."""
    return lambda: [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_a_configuration_is_handed_on_as_it_was_checked(write, folder):
    write("[server]\nthreads = 7\n")
    checked = check()
    assert (checked.server["threads"], checked.server["bind"]) == (7, "127.0.0.1:3000")
    assert (checked.path, checked.text) == (str(folder / "llmproxy.toml"), "[server]\nthreads = 7\n")


def test_there_need_be_no_file(write):
    checked = check()
    assert (checked.path, checked.text, checked.server["threads"]) == (None, "", 64)


def test_every_problem_is_told(write):
    write("[server]\nprot = 1\nthraeds = 2\n")
    with pytest.raises(Unusable) as told:
        check()
    assert (told.value.code, len(told.value.problems)) == (2, 2)


def test_a_plug_in_may_print(write, folder):
    (folder / "plugins").mkdir()
    (folder / "plugins" / "talks.py").write_text("print('hello')")
    write('[plugins]\npaths = ["plugins"]\n')
    assert check().path is not None


def test_what_an_operator_should_look_at_is_told_and_changes_nothing(write, folder, capsys):
    (folder / "plugins").mkdir()
    (folder / "plugins" / "broken.py").write_text("import nothing_like_it")
    write('[plugins]\npaths = ["plugins"]\n')
    assert check().path is not None
    problem = "ModuleNotFoundError: No module named 'nothing_like_it'"
    assert capsys.readouterr().err == f"warning: plugins/broken.py:1: not imported: {problem}\n"


def test_one_that_takes_forever_is_unusable(write, folder, monkeypatch):
    monkeypatch.setattr(last_good, "CHECK_SECS", 2)
    (folder / "plugins").mkdir()
    (folder / "plugins" / "waits.py").write_text("import time\ntime.sleep(60)")
    write('[plugins]\npaths = ["plugins"]\n')
    with pytest.raises(Unusable, match="within 2 s"):
        check()


def test_one_that_cannot_be_used_ends_the_start(write, capsys):
    write("[server]\nprot = 1\n")
    with pytest.raises(SystemExit) as ended:
        LastGood()
    assert ended.value.code == 2
    assert "unknown key" in capsys.readouterr().err


def test_one_that_cannot_be_used_changes_nothing_later(write, problems):
    write("[server]\nlog_level = 'DEBUG'\n")
    good = LastGood()
    before = good.checked
    write("[server]\nprot = 1\nthraeds = 2\n")
    good.renew(logging.getLogger("test"))
    assert good.checked is before
    [line] = problems()
    assert line.count("unknown key") == 2
    assert "\n" not in line


def test_one_that_can_takes_its_place(write, problems):
    write("[server]\nlog_level = 'DEBUG'\n")
    good = LastGood()
    write("[server]\nlog_level = 'ERROR'\nport = 1\n")
    good.renew(logging.getLogger("test"))
    assert (good.checked.server["log_level"], problems()) == ("ERROR", [])


def test_what_needs_a_start_is_told(write, caplog):
    write("")
    good = LastGood()
    write("[server]\nport = 1\nthreads = 9\nwrite_secs = 5\n")
    good.renew(logging.getLogger("test"))
    [record] = caplog.records
    assert (record.levelname, record.getMessage().partition(":")[0]) == ("WARNING", "[server] port, threads")


def test_what_a_process_leaves_for_itself_it_finds_once(monkeypatch):
    for name, value in leave_for_gunicorn(json.dumps(FACTS)).items():
        monkeypatch.setenv(name, value)
    assert asdict(found_before()) == FACTS
    assert found_before() is None


def test_what_another_process_has_left_is_not_looked_at(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1:0")
    assert found_before() is None


def test_it_holds_nothing_in_the_environment():
    left = leave_for_gunicorn(json.dumps({**FACTS, "text": "state = 'postgresql://u:canary@host/db'"}))
    os.close(int(left[VARIABLE].partition(":")[2]))
    assert "canary" not in str(left)


def test_the_main_process_stays_small():
    imported = "import llmproxy.server.last_good, llmproxy.server.worker, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True).stdout.split()
    assert {name for name in modules if name.partition(".")[0] in ("flask", "marshmallow", "requests")} == set()
    assert [name for name in modules if name.startswith("llmproxy.")] == [
        "llmproxy.server",
        "llmproxy.server.last_good",
        "llmproxy.server.connection",
        "llmproxy.server.worker",
    ]


def test_what_was_checked_has_the_shape_that_is_read():
    assert Checked(**FACTS).text == ""
