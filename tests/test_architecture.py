"""The arrows of the architecture, read off the source: a module imports from rows below its own, and nothing else."""

import ast
import sys
from pathlib import Path

import pytest

import llmproxy

PACKAGE = Path(llmproxy.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# The top of the picture first. `llmproxy` itself holds the public names of all that a library may use.
ROWS = {
    "__main__": 9,
    "cli": 8,
    "testing": 7,
    "": 7,
    "app": 6,
    "server": 6,
    "web": 5,
    "gateway": 4,
    "providers": 3,
    "processors": 3,
    "routing": 3,
    "access": 3,
    "ledger": 3,
    "dialects": 2,
    "transport": 2,
    "store": 2,
    "observability": 2,
    "config": 2,
    "core": 1,
}
# What only some may import, and where it is at home.
AT_HOME = {
    "flask": ("web", "app", "cli", "testing"),
    "werkzeug": ("web", "app", "cli", "testing"),
    "requests": ("transport", "providers", "testing"),
    "urllib3": ("transport", "testing"),
    "gunicorn": ("server",),
    "click": ("cli",),
}
STANDARD = sys.stdlib_module_names


def part_of(module):
    return module.partition(".")[2].partition(".")[0]


TREES = {module: ast.parse(path.read_text(encoding="utf-8"), str(path)) for module, path in MODULES.items()}


def for_type_checkers(tree):
    """The imports below `if TYPE_CHECKING`, which never run."""
    guarded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    return {id(inner) for node in guarded for inner in ast.walk(node)}


def imports_of(module, *, running=False):
    """The modules that a module imports, as it names them; only those it needs to run, if so asked."""
    tree = TREES[module]
    idle = for_type_checkers(tree) if running else set()
    found = []
    for node in ast.walk(tree):
        if id(node) in idle:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            found += [
                f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in MODULES else node.module
                for alias in node.names
            ]
    return found


def ours(module):
    return [name for name in imports_of(module) if name.partition(".")[0] == "llmproxy"]


def test_every_part_stands_in_a_row():
    assert {part_of(module) for module in MODULES} <= ROWS.keys()


@pytest.mark.parametrize("module", [module for module in MODULES if part_of(module)])
def test_a_module_imports_from_rows_below_its_own(module):
    part = part_of(module)
    wrong = [name for name in ours(module) if part_of(name) != part and ROWS[part_of(name)] >= ROWS[part]]
    assert wrong == []


@pytest.mark.parametrize("module", [module for module in MODULES if part_of(module) == ""])
def test_the_public_names_come_from_below_the_commands(module):
    assert [name for name in ours(module) if part_of(name) in ("cli", "__main__")] == []


@pytest.mark.parametrize("module", [module for module in MODULES if part_of(module) == "core"])
def test_core_needs_the_standard_library_alone(module):
    allowed = {*STANDARD, "llmproxy"} | ({"dotenv"} if module == "llmproxy.core.tokens" else set())
    assert [name for name in imports_of(module) if name.partition(".")[0] not in allowed] == []


@pytest.mark.parametrize("library", AT_HOME)
def test_a_library_is_used_where_it_is_at_home(library):
    users = [
        module
        for module in MODULES
        if any(name.partition(".")[0] == library for name in imports_of(module))
        and part_of(module) not in AT_HOME[library]
    ]
    assert users == []


def test_providers_take_from_requests_what_puts_a_token_on():
    taken = {
        (module, name)
        for module in MODULES
        if part_of(module) == "providers"
        for name in imports_of(module)
        if name.partition(".")[0] == "requests" and name != "requests.auth"
    }
    assert taken == set()


def test_dialects_know_no_provider_and_no_transport():
    known = {part_of(name) for module in MODULES if part_of(module) == "dialects" for name in ours(module)}
    assert known == {"core", "dialects"}


def test_the_web_knows_no_provider():
    assert not {
        name for module in MODULES if part_of(module) == "web" for name in ours(module) if part_of(name) == "providers"
    }


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_asynchronous(module):
    kinds = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    assert [node.lineno for node in ast.walk(TREES[module]) if isinstance(node, kinds)] == []
    assert "asyncio" not in imports_of(module)


@pytest.mark.parametrize("module", MODULES)
def test_no_import_hides_in_a_function(module):
    functions = [node for node in ast.walk(TREES[module]) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
    hidden = [
        inner.lineno
        for function in functions
        for inner in ast.walk(function)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert hidden == []


def test_no_two_modules_import_each_other_when_they_run():
    needs = {module: {name for name in imports_of(module, running=True) if name in MODULES} for module in MODULES}
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for name in sorted(needs[module] - {module}):
            visit(name)
        path.pop()
        done.add(module)

    for module in MODULES:
        visit(module)
