"""The last section of docs/reliability.md: every error code, as the code has it.

    PYTHONPATH=tests python -m docs.reliability_page

writes it anew.
"""

from pathlib import Path

from docs.dialects_page import markdown
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import CODES, PUBLIC_CODES, LLMProxyError
from llmproxy.dialects import CLIENT_DIALECTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEADING = "## Error codes\n"

INTRODUCTION = """
In the body of an error, and in the header `x-llmproxy-error`. Each error has `x-request-id`; 429, 503 and 529 have
`Retry-After`. `x-should-retry` says whether *you* may send it again without paying twice; SDKs of OpenAI and Anthropic
heed it. The two columns after it say where the *proxy* sends it next by itself. A refusal by the provider shows the
provider's own code where it has one. A 429 is sent to the same target again only after a pause that the provider has
named, of 2 s at most. A body that comes too slowly is `deadline_exceeded` with 408.
"""
HEAD = ["code", "status", "`x-should-retry`", "same target again", "another target", "message"]

START_UP = {"invalid_config"}
NOT_YET = {"rate_limit_exceeded", "budget_exceeded", "ledger_unavailable"}  # before there are limits and a ledger
NOT_SENT = {"client_gone"}
WHEN = {
    "upstream_connect_timeout": "while connecting",
    "upstream_stale_connection": "on a connection that had been idle",
    "upstream_context_length": "the prompt is too long",
}
WHERE = {
    "yes": "yes",
    "safe": "yes",
    "no": "",
    "stale": "with `retry_on_stale_reuse`",
    "ambiguous": "with `fallback_on_ambiguous`",
    "longer_context": "with `fallback_on_context_length`",
}


def section():
    """The whole section."""
    rows = [row(name) for name in CODES if name not in START_UP | NOT_YET]
    return HEADING + INTRODUCTION + "\n" + markdown(HEAD, rows) + "\n"


def row(name):
    """What one code means."""
    code = CODES[name]
    shown = f"`{PUBLIC_CODES.get(name, name)}`" + (f", {WHEN[name]}" if name in WHEN else "")
    retry = {True: "true", False: "false", None: ""}[code.should_retry]
    return [shown, status_of(name), retry, WHERE[code.again], WHERE[code.elsewhere], code.message]


def status_of(name):
    """The status, and that of dialects which have another one."""
    if name in NOT_SENT:
        return f"{CODES[name].status}, in the log only"
    if PUBLIC_CODES.get(name, name) == "upstream_rejected":
        return "the provider's"
    usual = CODES[name].status
    differing = set()
    for dialect in CLIENT_DIALECTS:
        status, _ = CLIENT_DIALECTS.get(dialect)().write_error(LLMProxyError(code=name), RequestContext())
        if status != usual:
            differing.add(f"{dialect.partition('.')[0]}: {status}")
    return f"{usual} ({', '.join(sorted(differing))})" if differing else str(usual)


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(HEADING)[0] + section(), encoding="utf-8")
