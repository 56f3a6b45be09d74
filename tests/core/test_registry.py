import sys
from importlib.metadata import EntryPoint
from textwrap import dedent

import pytest

from llmproxy.core import registry as registry_module
from llmproxy.core.errors import ConfigError
from llmproxy.core.registry import ImportFailed, Registry


class Animal:
    pass


class Cat(Animal):
    class Kitten(Animal):
        pass


NOT_A_CLASS = Cat()


def animals(**builtins):
    return Registry(
        "animal", Animal, None, builtins or {"cat": Cat, "dog": f"{__name__}:Cat", "stone": f"{__name__}:pytest"}
    )


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported within the test."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(dedent(source))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


def point(name, value):
    return EntryPoint(name, value, "zoo")


def test_a_name_stands_for_its_class():
    assert animals().get("cat") is Cat


def test_a_name_stands_for_the_class_at_its_dotted_path():
    assert animals().get("dog") is Cat


def test_a_dotted_path_is_a_name_itself():
    assert animals().get(f"{__name__}:Cat") is Cat


def test_a_dotted_path_may_lead_into_a_class():
    assert animals().get(f"{__name__}:Cat.Kitten") is Cat.Kitten


def test_a_module_is_imported_when_it_is_first_asked_for(module):
    module("late_animal", "from llmproxy.core.client import LLMClient\nclass Late(LLMClient): pass")
    found = Registry("animal", object, None, {"late": "late_animal:Late"})
    assert "late_animal" not in sys.modules
    assert found.get("late") is found.get("late")
    assert "late_animal" in sys.modules


def test_a_name_can_be_added():
    found = animals()
    found.add("lion", Cat)
    assert found.get("lion") is Cat


def test_an_entry_point_is_found(monkeypatch):
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point("tiger", f"{__name__}:Cat")])
    assert Registry("animal", Animal, "zoo", {}).get("tiger") is Cat


def test_the_table_wins_over_an_entry_point(monkeypatch):
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point("cat", "elsewhere:Thing")])
    assert Registry("animal", Animal, "zoo", {"cat": Cat}).get("cat") is Cat


def test_names_are_sorted_and_hold_entry_points(monkeypatch):
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point("ape", "x:Y")])
    found = Registry("animal", Animal, "zoo", {"dog": Cat, "cat": Cat})
    assert list(found) == found.names() == ["ape", "cat", "dog"]


def test_a_dotted_path_that_was_used_is_no_name():
    found = animals()
    found.get(f"{__name__}:Cat")
    assert found.names() == ["cat", "dog", "stone"]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r'unknown animal "catt"\. Did you mean "cat"\?'):
        animals().get("catt")


def test_an_unknown_name_without_a_near_one_is_answered_with_all():
    with pytest.raises(ConfigError, match=r'unknown animal "zebra"\. There are: cat, dog, stone\.'):
        animals().get("zebra")


@pytest.mark.parametrize("path", [f"{__name__}:Registry", f"{__name__}:NOT_A_CLASS", f"{__name__}:animals"])
def test_what_is_not_of_its_kind_is_refused(path):
    with pytest.raises(ConfigError, match=r"is not a subclass of Animal"):
        animals().get(path)


def test_a_class_of_another_kind_that_was_added_is_refused():
    found = animals()
    found.add("registry", Registry)
    with pytest.raises(ConfigError, match=r"animal 'registry' is not a subclass of Animal"):
        found.get("registry")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no_such_module:Cat", "ModuleNotFoundError"),
        (f"{__name__}:NoSuchClass", "AttributeError"),
        (f"{__name__}:", "AttributeError"),
        (":Cat", "ValueError"),
    ],
)
def test_what_cannot_be_imported_is_explained_in_one_line(path, why):
    with pytest.raises(ConfigError) as caught:
        animals().get(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"animal {path!r} cannot be loaded: {why}: ")
    assert "\n" not in problem


@pytest.mark.parametrize("source", ["def (", "raise RuntimeError('one\\ntwo')", "1 / 0", "import no_such_module"])
def test_a_module_that_fails_is_explained_in_one_line(module, source):
    module("broken_animal", source)
    with pytest.raises(ConfigError) as caught:
        animals().get("broken_animal:Cat")
    (problem,) = caught.value.problems
    assert "broken_animal.py:1: animal 'broken_animal:Cat' cannot be loaded: " in problem
    assert "\n" not in problem


FAULTS = {
    "its own": ("x = 1\nx = 1 / 0", ":2: ", "ZeroDivisionError: division by zero"),
    "a name that is none": ("from broken_animal import Dog", ":1: ", "ImportError: "),
    "a library's": ("import json\n\njson.loads('')", ":3: ", "JSONDecodeError: "),
    "no Python": ("x = 1\nif x:", ":2: ", "IndentationError: "),
    "it leaves": ("raise SystemExit(3)", ":1: ", "SystemExit: 3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_line_of_the_plugins_own_that_failed_is_named(module, tmp_path, monkeypatch, fault):
    source, line, told = FAULTS[fault]
    module("broken_animal", source)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportFailed) as caught:
        animals().get("broken_animal:Cat")
    (problem,) = caught.value.problems
    assert problem.startswith(f"broken_animal.py{line}animal 'broken_animal:Cat' cannot be loaded: {told}")


def test_a_module_beside_it_that_failed_is_named_itself(module, tmp_path, monkeypatch):
    module("broken_animal", "import broken_stable")
    module("broken_stable", "\n\n1 / 0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportFailed, match=r"^broken_stable\.py:3: animal 'broken_animal:Cat' cannot be loaded"):
        animals().get("broken_animal:Cat")


def test_a_dotted_path_to_nothing_is_no_failure_of_a_plugin(module):
    module("good_animal", "")
    for path in ("no_such_module:Cat", "good_animal:Cat", f"{__name__}:animals"):
        with pytest.raises(ConfigError) as caught:
            animals().get(path)
        assert not isinstance(caught.value, ImportFailed)


@pytest.mark.parametrize(
    ("leads_to", "told"),
    [
        ("broken_animal:Cat", "broken_animal.py:1: animal 'tiger' cannot be loaded: ZeroDivisionError"),
        ("good_animal:Cat", "good_animal.py: animal 'tiger' cannot be loaded: AttributeError"),
        ("good_animal:Dog", "good_animal.py: animal 'tiger' is not a subclass of Animal"),
        ("no_such_module:Cat", "animal 'tiger' cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_an_entry_point_that_leads_to_no_class_is_a_failure_of_its_package(
    module, tmp_path, monkeypatch, leads_to, told
):
    module("broken_animal", "1 / 0")
    module("good_animal", "class Dog: pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point("tiger", leads_to)])
    with pytest.raises(ImportFailed) as caught:
        Registry("animal", Animal, "zoo", {}).get("tiger")
    assert caught.value.message.startswith(told)
