"""Paths with placeholders, as dialects write them: `/v1beta/models/<path:model>:<any(countTokens):method>`.

They are werkzeug's rules (https://werkzeug.palletsprojects.com/routing/#rule-format), which the web serves as they are;
here they can be read where there is no web.
"""

import functools
import re

_PLACEHOLDER = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<words>[^)]*)\))?:)?(?P<name>\w+)>")


@functools.cache
def pattern_of(rule: str) -> re.Pattern[str]:
    """What the end of a path looks like that a rule stands for, or all of it; each placeholder is a group."""
    pattern, end = "", 0
    for found in _PLACEHOLDER.finditer(rule):
        pattern += f"{re.escape(rule[end : found.start()])}(?P<{found['name']}>{_shape(found)})"
        end = found.end()
    return re.compile(pattern + re.escape(rule[end:]) + r"\Z")


def _shape(placeholder: re.Match[str]) -> str:
    if placeholder["kind"] == "any":
        return "|".join(re.escape(word.strip()) for word in placeholder["words"].split(","))
    return r"[^/].*?" if placeholder["kind"] == "path" else r"[^/]+"


def templates_of(rule: str) -> list[tuple[str, dict[str, str]]]:
    """The paths that a rule stands for, with `{name}` where anything may stand, and what each says where it may not."""
    found: list[tuple[str, dict[str, str]]] = [("", {})]
    end = 0
    for each in _PLACEHOLDER.finditer(rule):
        before, end = rule[end : each.start()], each.end()
        if each["kind"] == "any":
            words = [word.strip() for word in each["words"].split(",")]
            found = [(path + before + word, {**said, each["name"]: word}) for path, said in found for word in words]
        else:
            found = [(f"{path}{before}{{{each['name']}}}", said) for path, said in found]
    return [(path + rule[end:], said) for path, said in found]
