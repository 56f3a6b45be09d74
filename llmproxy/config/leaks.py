"""Secrets where they must not be, in the file, and where they must be, in the environment."""

from collections.abc import Mapping

from llmproxy.config.addresses import has_password
from llmproxy.config.document import Document
from llmproxy.config.environment import LocatedEnvironment
from llmproxy.config.locate import KeyPath
from llmproxy.config.models import ProviderConfig
from llmproxy.config.report import Report, describe, table_title
from llmproxy.config.secrets import is_secret_name, is_variable_name, looks_like_key, oddity

ELSEWHERE = "Secrets never stand in this file: put it into the environment or .env, and name its variable in token_env"


def check_no_secrets(document: Document, report: Report) -> None:
    """Refuses what looks like a secret. To be called first: the report says nothing more about such a value."""
    for path, value in document.walk():
        if looks_like_key(str(path[-1])):
            table = table_title(path[:-1]) if path[:-1] else "this file"
            report.secret(path, f"a name in {table} looks like a secret. {ELSEWHERE}")
        elif isinstance(value, str) and _is_secret(path, value):
            report.secret(path, f"{describe(path)} looks like a secret. {ELSEWHERE}")
        elif isinstance(value, str) and has_password(value) and path[-1] != "base_url":
            report.warning(f"{describe(path)} holds a password; the environment keeps it out of the file", path)


def check_own_secrets(
    document: Document, admin_token_env: str, environment: LocatedEnvironment, report: Report
) -> None:
    """Clients' secrets and the admin's: absent is a warning at most, empty is a problem, as anybody can guess it."""
    for name, client in document.tables("client"):
        variable = client.get("token_env")
        if isinstance(variable, str) and is_variable_name(variable):
            path = ("client", name, "token_env")
            if not _check_secret(variable, path, table_title(path[:2]), environment, report):
                report.warning(f"{table_title(path[:2])} cannot call: {variable} is not set", path)
    _check_secret(admin_token_env, ("server", "admin_token_env"), "[server] admin_token_env", environment, report)


def check_provider_secrets(llms: Mapping[str, ProviderConfig], environment: LocatedEnvironment, report: Report) -> None:
    """Warns of providers' tokens that will hardly be meant as they are."""
    for llm, config in llms.items():
        for variable in config.token_envs:
            _warn_of_oddity(variable, table_title(("llm", llm)), environment, report)


def _check_secret(variable: str, path: KeyPath, owner: str, environment: LocatedEnvironment, report: Report) -> bool:
    """Whether the variable is set at all; if it is set to nothing, that is a problem."""
    if environment.get(variable):
        _warn_of_oddity(variable, owner, environment, report)
        return True
    for name in (variable, f"{variable}_FILE"):
        if environment.defines(name):
            what = "is set but empty" if name == variable else "names a file that holds no secret"
            sentence = f"{name} {what}: {owner} needs a secret there, or no such variable at all"
            place = environment.place_of(name)
            if place:
                report.elsewhere(f"{place}{sentence}")
            else:
                report.problem(path, sentence)
            return True
    return False


def _warn_of_oddity(variable: str, owner: str, environment: LocatedEnvironment, report: Report) -> None:
    odd = oddity(environment.get(variable) or "")
    if odd:
        report.warning(f"{environment.place_of(variable)}{variable} of {owner} {odd}")


def _is_secret(path: KeyPath, text: str) -> bool:
    named = is_secret_name(next(part for part in reversed(path) if isinstance(part, str)))
    return looks_like_key(text) or (named and bool(text) and not is_variable_name(text))
