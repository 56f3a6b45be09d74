"""What a check is: a function that finds out whether a promise is kept, named by the promise."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from llmproxy.core.errors import LLMProxyError
from llmproxy.testing.contract.bench import Bench, NotApplicable
from llmproxy.testing.contract.subject import Subject

Check = Callable[[Bench], None]
"""Raises `AssertionError` where the promise is broken, and `NotApplicable` where it was never made."""

Verdict = Literal["passed", "failed", "not applicable"]


class Result(NamedTuple):
    """What became of one check.

    Attributes:
        name: The promise.
        why: What was seen, or why it does not apply; empty for what has passed.
    """

    name: str
    result: Verdict
    why: str = ""


def results(subject: Subject, checks: Iterable[Check]) -> Iterator[Result]:
    """Each check's result, as it comes.

    Raises:
        ConfigError: The provider cannot be made at all.
    """
    for check in checks:
        with Bench(subject) as bench:
            yield result_of(check, bench)


def result_of(check: Check, bench: Bench) -> Result:
    """One check's result."""
    try:
        check(bench)
    except NotApplicable as reason:
        return Result(check.__name__, "not applicable", str(reason))
    except Exception as error:  # whatever a provider raises where it should not have is a broken promise
        return Result(check.__name__, "failed", told(error))
    return Result(check.__name__, "passed")


def told(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, AssertionError):
        return str(error)
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, LLMProxyError):
        return f"{said} ({error.code}{': ' + error.detail if error.detail else ''})"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{said} ({place.filename}:{place.lineno})"
