"""docs/api.md: the public names, as the source has them.

    PYTHONPATH=tests python -m docs.api_page

writes the page anew.
"""

import enum
import inspect
import types

import llmproxy
from docs import public
from docs.blocks import ROOT
from llmproxy import LLMProxyError, testing
from llmproxy.core.errors import CODES

PAGE = ROOT / "docs" / "api.md"

INTRODUCTION = """\
# The API

What `from llmproxy import ...` and `from llmproxy.testing import ...` give, read off the source. Everything else may
change at any time. All of it is typed (`py.typed`). Times are in seconds where the name or the text says nothing else.
`llmproxy.__version__` is the version.

The guides are [clients.md](clients.md), [custom-providers.md](custom-providers.md) and [processors.md](processors.md).
"""

# What is said once for all classes of a group.
SHARED = {
    "extra": "Members that only one dialect knows, by its name; written again where the other side speaks it.",
    "cache": "A point up to which the provider should keep the prompt; None: no such point.",
    "choice": "Which of several answers, from 0.",
}

GROUPS = {
    "The proxy": ("llmproxy.app", "llmproxy.gateway", "llmproxy.config."),
    "Requests and answers on their way": (
        "llmproxy.core.pipeline", "llmproxy.core.parser", "llmproxy.core.request", "llmproxy.core.context",
        "llmproxy.core.processor", "llmproxy.processors.", "llmproxy.core.client", "llmproxy.core.response",
        "llmproxy.core.sse",
    ),
    "Providers, tokens and addresses": (
        "llmproxy.providers.", "llmproxy.core.tokens", "llmproxy.core.urls", "llmproxy.transport.",
    ),
    "What is asked": ("llmproxy.core.chat",),
    "What is answered": ("llmproxy.core.answer",),
    "Errors": ("llmproxy.core.errors",),
}  # fmt: skip


def page():
    """The whole page."""
    lines = [INTRODUCTION]
    for title in GROUPS:
        lines += [f"## {title}", "", *_group(title)]
    lines += ["## llmproxy.testing", "", f"{inspect.getdoc(testing)}", ""]
    for name in testing.__all__:
        lines += _entry(f"testing.{name}")
    return "\n".join(lines).rstrip() + "\n"


def names_of(title):
    """The public names of a group, in the order of their modules."""
    return [
        name
        for prefix in GROUPS[title]
        for home, names in llmproxy._HOMES.items()
        for name in names
        if home == prefix or (prefix.endswith(".") and home.startswith(prefix))
    ]


def _group(title):
    names = names_of(title)
    kinds = [getattr(llmproxy, name) for name in names]
    used = [name for name in SHARED if any(f"{name}: " in (_made(kind) or "") for kind in kinds)]
    if used and title.startswith("What is"):
        yield "In all of these:"
        yield ""
        yield from (f"- `{name}`: {SHARED[name]}" for name in used)
        yield ""
    plain = [name for name in names if _is_plain_error(getattr(llmproxy, name))]
    for name in names:
        if name not in plain:
            yield from _entry(name)
    if plain:
        yield from _table_of_errors(plain)


def _entry(name):
    thing = public.everything()[name]
    yield f"### {name.removeprefix('testing.')}"
    yield ""
    if inspect.isclass(thing):
        yield from _class(thing)
    elif inspect.isfunction(thing):
        yield f"`{public.signature_of_function(thing)}`"
        yield ""
        yield from _said(public.doc_of(thing.__doc__))
    else:
        yield from _value(name, thing)
    yield ""


def _class(kind):
    bases = list(filter(public.is_public, kind.__bases__))
    made = _made(kind)
    if made:
        yield f"`{made}`"
        yield ""
    doc = public.doc_of(kind.__doc__)
    if bases:
        doc.text += f" Derived from {' and '.join(f'`{base.__name__}`' for base in bases)}."
    yield from _said(doc)
    members = [each for each in public.members_of(kind) if not public.is_told_elsewhere(kind, each[1])]
    if members:
        yield ""
        yield "Methods and properties:"
        yield ""
    for owner, name in members:
        text, *items = _said(public.doc_of_member(kind, name))
        yield f"- `{public.signature_of_member(owner, name)}`{_abstract(owner, name)}: {text}"
        yield from (f"  {item}" for item in items if item)


def _made(kind):
    return public.signature_of_class(kind) if inspect.isclass(kind) else None


def _abstract(owner, name):
    is_to_be_given = getattr(vars(owner)[name], "__isabstractmethod__", False)
    return " (to be given)" if is_to_be_given else ""


def _said(doc):
    """A docstring: its text, then what its sections say by name."""
    yield doc.text
    if doc.sections:
        yield ""
    for title, items in doc.sections.items():
        for names, text in items.items():
            said = ", ".join(f"`{name}`" for name in names.split(", ")) if names else title
            yield f"- {'raises ' if title == 'Raises' else ''}{said}: {text}"


def _value(name, thing):
    if isinstance(thing, enum.Enum):
        yield f"{inspect.getdoc(type(thing))} This one: {thing.value}."
        return
    written, doc = public.value_of(public.home_of(name), name.removeprefix("testing."))
    if isinstance(thing, types.UnionType):
        yield f"`{written}`"
        yield ""
    yield doc.text


def _is_plain_error(kind):
    """An error that is made like any other."""
    return inspect.isclass(kind) and issubclass(kind, LLMProxyError) and "__init__" not in vars(kind)


def _table_of_errors(names):
    yield "The others are made like `LLMProxyError`:"
    yield ""
    yield "| error | is a | status | code | |"
    yield "|---|---|---|---|---|"
    for name in names:
        kind = getattr(llmproxy, name)
        text = public.doc_of(kind.__doc__).text
        base, code = kind.__bases__[0].__name__, kind.default_code
        yield f"| `{name}` | `{base}` | {CODES[code].status} | `{code}` | {text} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
