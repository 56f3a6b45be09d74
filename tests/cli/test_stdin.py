import io
import sys

from llmproxy.cli.stdin import read_stdin


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def test_a_pipe_is_read_to_its_end_without_a_word(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\xff")))

    assert read_stdin("Type.") == b"one\ntwo\xff"
    assert capsys.readouterr().err == ""


def test_whoever_sits_at_a_terminal_gets_a_hint(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"typed")))

    assert read_stdin("Type.") == b"typed"
    assert capsys.readouterr().err == "Type.\n"


def test_a_closed_standard_input_is_empty(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert read_stdin("Type.") == b""
