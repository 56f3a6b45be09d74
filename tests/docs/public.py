"""What the source says of the public names: signatures as they are written, and docstrings by their sections."""

import ast
import dataclasses
import functools
import inspect
import itertools
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import llmproxy
from llmproxy import testing

SECTIONS = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
ITEM = re.compile(r"^ {4}(?P<names>[*\w]+(?:, [*\w]+)*): (?P<text>.*)$")


@functools.cache
def everything():
    """Every public name and what it stands for; those of `llmproxy.testing` with that before them."""
    names = {name: getattr(llmproxy, name) for name in llmproxy.__all__ if name != "__version__"}
    return names | {f"testing.{name}": getattr(testing, name) for name in testing.__all__}


def is_ours(kind):
    return kind.__module__.partition(".")[0] == "llmproxy"


def is_public(kind):
    return any(each is kind for each in everything().values())


def lineage(kind):
    """A class and those of ours that it derives from, itself first."""
    return [each for each in kind.__mro__ if is_ours(each)]


# Docstrings.


@dataclass
class Doc:
    """A docstring.

    Attributes:
        text: Its first paragraph.
        sections: By their titles: what is said by name; by an empty name what is said as a whole.
    """

    text: str = ""
    sections: dict[str, dict[str, str]] = field(default_factory=dict)


def doc_of(text):
    """A docstring as `inspect.cleandoc` leaves it, taken apart."""
    doc, section, names = Doc(), None, ""
    for line in inspect.cleandoc(text or "").splitlines():
        title, item = SECTIONS.match(line), ITEM.match(line)
        if title:
            section, names = doc.sections.setdefault(title[1], {}), ""
        elif section is None and names != "end":
            names = "" if line else "end"
            doc.text = f"{doc.text} {line}".strip()
        elif section is not None and item:
            names = item["names"]
            section[names] = item["text"]
        elif section is not None and line.startswith("    "):
            section[names] = f"{section.get(names, '')} {line.strip()}".strip()
    return doc


def doc_of_member(kind, name):
    """The docstring of a member, or of what it overrides."""
    docs = [function_of(vars(each)[name]).__doc__ for each in lineage(kind) if name in vars(each)]
    return doc_of(next(filter(None, docs), ""))


def value_of(module, name):
    """What a name is made equal to, as it is written, and the text below that."""
    body = _tree(module).body
    for statement, after in itertools.pairwise([*body, None]):
        target = getattr(statement, "target", None) or next(iter(getattr(statement, "targets", ())), None)
        if isinstance(target, ast.Name) and target.id == name:
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            return _segment(_lines(module), statement.value), doc_of(after.value.value if is_text else "")
    raise LookupError(f"{module} does not say what {name} is")


def home_of(name):
    """The module in which a public name that is no class and no function is given its value."""
    if not name.startswith("testing."):
        return llmproxy._HOME_OF[name]
    module, name = "llmproxy.testing", name.removeprefix("testing.")
    while importing := [each for each in _tree(module).body if name in _names(each)]:
        module = importing[0].module
    return module


def _names(statement):
    """What an import imports."""
    return {alias.name for alias in statement.names} if isinstance(statement, ast.ImportFrom) else set()


# Signatures, as they stand in the source: what `inspect` makes of them differs from one Python to the next.


def members_of(kind):
    """The public methods and properties of a class, each with the class that has it: its own, and those of bases of
    ours that are not public."""
    found = {}
    for each in lineage(kind):
        if each is not kind and is_public(each):
            break
        for name, member in vars(each).items():
            if not name.startswith(("_", "test_")) and inspect.isfunction(function_of(member)):
                found.setdefault(name, each)
    return [(each, name) for name, each in found.items()]


def is_told_elsewhere(kind, name):
    """Whether a member says no more than that of a public base, which it overrides."""
    above = [each for each in lineage(kind)[1:] if is_public(each) and name in vars(each)]
    return bool(above) and name in vars(kind) and not function_of(vars(kind)[name]).__doc__


def written(kind, name):
    """The definition of a method, as the source has it."""
    return next(each for each in reversed(_class(kind).body) if getattr(each, "name", None) == name)


def signature_of_member(kind, name):
    """`.name(argument: type = default) -> type`, or `.name: type` for a property."""
    node = written(kind, name)
    decorators = {ast.unparse(each) for each in node.decorator_list}
    lines = _lines(kind.__module__)
    if decorators & {"property", "functools.cached_property"}:
        return f".{name}: {_type(lines, node.returns)}"
    holder = kind.__name__ if decorators & {"classmethod", "staticmethod"} else ""
    return f"{holder}.{name}{_arguments(lines, node, bound='staticmethod' not in decorators)}"


def signature_of_function(function):
    found = [each for each in _tree(function.__module__).body if getattr(each, "name", None) == function.__name__]
    return function.__name__ + _arguments(_lines(function.__module__), found[-1], bound=False)


def signature_of_class(kind):
    """How an instance is made; None where that is no business of the caller's, or the same as with a public base."""
    for each in lineage(kind):
        if each is not kind and is_public(each):
            return None
        if "__init__" in vars(each) and not dataclasses.is_dataclass(each):
            arguments = _arguments(_lines(each.__module__), written(each, "__init__"), bound=True)
            return kind.__name__ + arguments.removesuffix(" -> None")
        if dataclasses.is_dataclass(each):
            return f"{kind.__name__}({', '.join(_fields(each))})"
    return None


def _fields(kind):
    lines, optional = _lines(kind.__module__), False
    said = {each.target.id: each for each in _class(kind).body if isinstance(each, ast.AnnAssign)}
    for each in dataclasses.fields(kind):
        if not each.init or each.name.startswith("_"):
            continue
        if each.kw_only and not optional:
            optional = True
            yield "*"
        node = said[each.name]
        yield f"{each.name}: {_type(lines, node.annotation)}{_default(lines, node.value)}"


def _default(lines, node):
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "field":
        said = {each.arg: each.value for each in node.keywords}
        if "default_factory" in said:
            made = _segment(lines, said["default_factory"])
            return " = " + {"dict": "{}", "list": "[]"}.get(made, f"{made}()")
        node = said.get("default")
    return f" = {_segment(lines, node)}" if node else ""


def _arguments(lines, node, *, bound):
    """The parentheses of a definition and what it returns."""
    given = node.args
    places = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(places) - len(given.defaults)) + given.defaults
    said = [_argument(lines, *each) for each in list(zip(places, defaults, strict=True))[bound:]]
    if given.vararg:
        said.append(f"*{_argument(lines, given.vararg)}")
    elif given.kwonlyargs:
        said.append("*")
    said += [_argument(lines, *each) for each in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        said.append(f"**{_argument(lines, given.kwarg)}")
    return f"({', '.join(said)})" + (f" -> {_type(lines, node.returns)}" if node.returns else "")


def _argument(lines, node, default=None):
    kind = f": {_type(lines, node.annotation)}" if node.annotation else ""
    return f"{node.arg}{kind}" + (f" = {_segment(lines, default)}" if default is not None else "")


def _segment(lines, node):
    """What stands in the source, on one line. `ast.get_source_segment` would take the source apart each time."""
    piece = list(lines[node.lineno - 1 : node.end_lineno])
    piece[-1] = piece[-1][: node.end_col_offset]
    piece[0] = piece[0][node.col_offset :]
    return " ".join(b"".join(piece).decode().split())


def _type(lines, node):
    """An annotation; quotes around the name of a type are not told."""
    return _segment(lines, node).replace('"', "")


def function_of(member):
    """What a method or a property calls; None for what is neither."""
    inner = getattr(member, "__func__", None) or getattr(member, "fget", None) or getattr(member, "func", None)
    return inspect.unwrap(inner or member)


@functools.cache
def _lines(module):
    return tuple(Path(sys.modules[module].__file__).read_bytes().splitlines(keepends=True))


@functools.cache
def _tree(module):
    return ast.parse(b"".join(_lines(module)))


def _class(kind):
    return next(each for each in _tree(kind.__module__).body if getattr(each, "name", None) == kind.__name__)
