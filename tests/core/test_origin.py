from pathlib import Path

import pytest

from llmproxy.core.origin import Place, places, shown, told


def failure(run):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run()
    return caught.value


def test_the_last_place_is_the_line_that_failed():
    def fail():
        raise ValueError

    line = fail.__code__.co_firstlineno + 1
    assert places(failure(fail))[-1] == Place(Path(__file__), line)


def test_code_without_a_file_has_no_place():
    error = failure(lambda: exec(compile("1 / 0", "<nowhere>", "exec")))
    assert {place.file for place in places(error)} == {Path(__file__)}


def test_a_file_that_is_no_python_has_the_line_that_is_none(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("x = 1\n(")
    error = failure(lambda: compile(file.read_text(), file, "exec"))
    assert places(error)[-1] == Place(file, 2)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\n  two"), "ValueError: one two"),
        (ValueError(), "ValueError"),
        (SyntaxError("bad", ("x.py", 3, 1, "(")), "SyntaxError: bad"),
    ],
)
def test_an_exception_is_told_on_one_line(error, said):
    assert told(error) == said


def test_a_place_is_told_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Place(tmp_path / "a" / "b.py", 3)) == "a/b.py:3"
    assert shown(Path("/no/where")) == "/no/where"
