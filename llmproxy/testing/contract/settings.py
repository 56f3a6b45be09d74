"""The `[llm.*]` table: what it may hold."""

from llmproxy.core.errors import ConfigError
from llmproxy.testing.contract.bench import Bench, must


def refuses_unknown_options(bench: Bench) -> None:
    """A key that the provider does not know is an error at start, not a setting that does nothing."""
    options = {**bench.subject.options, "no_such_option": 1}
    try:
        bench.provider(options=options)
    except ConfigError as error:
        must("no_such_option" in str(error), f"the error does not name the key: {error}")
        return
    must(False, "an unknown option was taken")
