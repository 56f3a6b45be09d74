"""docs/api.md says what the code says, and the code says enough: what each public name is, takes, gives and raises."""

import ast
import dataclasses
import enum
import inspect
import re

import llmproxy
from docs import public
from docs.api_page import GROUPS, PAGE, SHARED, names_of, page
from llmproxy import LLMProxyError
from llmproxy.core import errors

WRITE = "PYTHONPATH=tests python -m docs.api_page writes it anew"
NAMES = public.everything()
KINDS = {name: thing for name, thing in NAMES.items() if inspect.isclass(thing)}
FUNCTIONS = {name: thing for name, thing in NAMES.items() if inspect.isfunction(thing)}
MEMBERS = [(kind, owner, name) for kind in KINDS.values() for owner, name in public.members_of(kind)]
ERRORS = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, LLMProxyError)}
WITH_UNIT = re.compile(r"(?:_secs|_ms|_mb|seconds|tokens|retries)$")


def test_the_page_says_what_the_source_says():
    assert PAGE.read_text(encoding="utf-8") == page(), WRITE


def test_every_public_name_stands_in_one_group():
    assert sorted(name for title in GROUPS for name in names_of(title)) == sorted({*llmproxy.__all__} - {"__version__"})


# What is to be said of each.


def test_every_class_and_every_function_has_a_docstring_of_its_own():
    docs = {name: vars(thing).get("__doc__") or thing.__doc__ for name, thing in (KINDS | FUNCTIONS).items()}
    # A dataclass makes one of its arguments where nobody has written any.
    assert [name for name, doc in docs.items() if not doc or doc.startswith(f"{name.split('.')[-1]}(")] == []


def test_every_value_says_what_it_is():
    for name in NAMES.keys() - KINDS.keys() - FUNCTIONS.keys():
        if not isinstance(NAMES[name], enum.Enum):
            _, doc = public.value_of(public.home_of(name), name.removeprefix("testing."))
            assert doc.text, name


def test_every_method_says_what_it_does():
    assert [member for member in MEMBERS if not public.doc_of_member(member[0], member[2]).text] == []


def test_everything_that_an_instance_is_made_with_is_explained():
    for name, kind in KINDS.items():
        made = public.signature_of_class(kind)
        missing = [each for each in arguments_of(made) if not is_explained(each, kind)] if made else []
        assert missing == [], name


def is_explained(argument, kind):
    text = " ".join(each.__doc__ or "" for each in public.lineage(kind))
    return argument in SHARED or re.search(rf"\b{argument}\b", text)


def test_every_argument_and_every_result_is_typed():
    functions = [*FUNCTIONS.values(), *(public.function_of(vars(owner)[name]) for _, owner, name in MEMBERS)]
    functions += [vars(kind)["__init__"] for kind in KINDS.values() if inspect.isfunction(vars(kind).get("__init__"))]
    for function in functions:
        signature = inspect.signature(function)
        bare = {name for name, each in signature.parameters.items() if each.annotation is each.empty}
        assert bare <= {"self", "cls"}, function
        assert signature.return_annotation is not signature.empty, function


def test_what_a_method_raises_is_told():
    for kind, owner, name in MEMBERS:
        raised = raised_by(public.written(owner, name))
        assert not raised or "Raises" in public.doc_of_member(kind, name).sections, (owner, name, raised)


def test_what_a_constructor_raises_is_told():
    for kind in KINDS.values():
        if "__init__" in vars(kind) and not dataclasses.is_dataclass(kind):
            raised = raised_by(public.written(kind, "__init__"))
            assert not raised or "Raises" in public.doc_of(kind.__doc__).sections, (kind, raised)


def raised_by(node):
    """The errors of ours that stand behind a `raise` within."""
    raised = [each.exc for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc]
    return {ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in raised} & ERRORS


def test_every_number_says_what_it_counts():
    for kind, owner, name in MEMBERS:
        doc = inspect.getdoc(public.function_of(vars(owner)[name])) or ""
        for argument, each in inspect.signature(public.function_of(vars(owner)[name])).parameters.items():
            if re.search(r"\b(?:int|float)\b", str(each.annotation)) and not WITH_UNIT.search(argument):
                assert re.search(rf"\b{argument}\b", doc) or is_explained(argument, kind), (owner, name, argument)


# How the source is read.


def arguments_of(signature):
    given = ast.parse(f"def {signature}: ...").body[0].args
    return [each.arg for each in (*given.args, given.vararg, *given.kwonlyargs, given.kwarg) if each is not None]


def test_a_signature_has_the_arguments_that_the_method_has():
    for _, owner, name in MEMBERS:
        written = public.signature_of_member(owner, name).partition(".")[2]
        if "(" in written.partition(":")[0]:
            expected = [each for each in inspect.signature(getattr(owner, name)).parameters if each != "self"]
            assert arguments_of(written) == expected
        else:
            assert not callable(vars(owner)[name])


def test_a_signature_has_the_arguments_that_make_an_instance():
    for kind in KINDS.values():
        written = public.signature_of_class(kind)
        if written:
            expected = [each for each in inspect.signature(kind).parameters if not each.startswith("_")]
            assert arguments_of(written) == expected


def test_a_docstring_is_taken_apart():
    doc = public.doc_of(
        """Does it,
        at once.

        More of it.

        Args:
            a, b: Two,
                on two lines.

        Returns:
            What
            came.
        """
    )
    assert doc.text == "Does it, at once."
    assert doc.sections == {"Args": {"a, b": "Two, on two lines."}, "Returns": {"": "What came."}}
